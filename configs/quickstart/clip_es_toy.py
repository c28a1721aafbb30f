# CLIP-ES on toy scenes with the CLIP of toy size: run `python tools/train_toy_clip.py` first.
_base_ = ['../_base_/models/clip_es_toy.py', '../_base_/datasets/toy_cam.py',
          '../_base_/datasets/clip_es_views.py', '../_base_/stages/direct_small.py',
          '../_base_/default_runtime.py']
train_dataloader = _base_.clip_es_train_dataloader
tta_pipeline = _base_.clip_es_tta_pipeline
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
stages = dict(segmentor=dict(config='configs/quickstart/deeplabv2_toy.py'))
