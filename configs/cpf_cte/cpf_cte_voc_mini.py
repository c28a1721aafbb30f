# CPF-CTE on 137 photographs with a small hybrid ViT, on a CPU, in minutes.
_base_ = ['../_base_/models/cpf_cte_hybrid_efficientnet_lite0.py',
          '../_base_/datasets/voc_mini_cam.py', '../_base_/schedules/cpf_cte_small.py',
          '../_base_/stages/cpf_cte.py', '../_base_/default_runtime.py']
model = dict(backbone=dict(img_size=256))
custom_hooks = _base_.custom_hooks + _base_.cpf_cte_hooks
custom_imports = dict(imports=['mmwsss.registry', 'mmpretrain.models'], allow_failed_imports=False)
train_pipeline = [  # whole images, as in the paper
    _base_.load,
    dict(type='mmwsss.PillowResize', scale=(256, 256), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    _base_.pack,
]
tta_pipeline = [_base_.load, dict(type='mmwsss.MultiScaleFlip', size=(384, 384), flip=False)]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
stages = dict(segmentor=dict(config='configs/deeplabv2/deeplabv2_efficientnet_lite0_voc_mini.py'))
