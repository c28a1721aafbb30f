# CLIP-ES on PASCAL VOC 2012: a frozen CLIP, no training before the segmentor.
_base_ = ['../_base_/models/clip_es_vit_b16.py', '../_base_/datasets/voc_cam.py',
          '../_base_/datasets/clip_es_views.py', '../_base_/stages/direct.py',
          '../_base_/default_runtime.py']
train_dataloader = _base_.clip_es_train_dataloader
tta_pipeline = _base_.clip_es_tta_pipeline
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
