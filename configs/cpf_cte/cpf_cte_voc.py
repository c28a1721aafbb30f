# CPF-CTE on PASCAL VOC 2012: patch probabilities, CRF, segmentor. Whole images, stretched to 384 x
# 384 for training and to 960 x 960 for seeds (Sec. 4.2). The flip in training is ours.
_base_ = ['../_base_/models/cpf_cte_vit_b16.py', '../_base_/datasets/voc_cam.py',
          '../_base_/schedules/cpf_cte_50e.py', '../_base_/stages/cpf_cte.py',
          '../_base_/default_runtime.py']
custom_hooks = _base_.custom_hooks + _base_.cpf_cte_hooks
custom_imports = dict(imports=['mmwsss.registry', 'mmpretrain.models'], allow_failed_imports=False)
train_pipeline = [_base_.load, dict(type='mmwsss.PillowResize', scale=(384, 384), keep_ratio=False),
                  dict(type='RandomFlip', prob=0.5), _base_.pack]
tta_pipeline = [_base_.load, dict(type='mmwsss.MultiScaleFlip', size=(960, 960), flip=False)]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
test_dataloader = dict(dataset=dict(pipeline=[
    _base_.load,
    dict(type='mmwsss.PillowResize', scale=(960, 960), keep_ratio=False),
    _base_.pack,
]))
