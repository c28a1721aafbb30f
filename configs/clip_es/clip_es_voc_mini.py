# CLIP-ES's whole way on 137 photographs with the CLIP of toy size, which has seen drawings of ten
# classes only: that it works, not how well. Run `python tools/train_toy_clip.py` first.
_base_ = ['../_base_/models/clip_es_toy.py', '../_base_/datasets/voc_mini_cam.py',
          '../_base_/datasets/clip_es_views.py', '../_base_/stages/direct_small.py',
          '../_base_/default_runtime.py']
model = dict(cam_head=dict(text=dict(names='voc')))
train_dataloader = _base_.clip_es_train_dataloader
tta_pipeline = _base_.clip_es_tta_pipeline
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
