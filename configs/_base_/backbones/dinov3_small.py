# DINOv3, ViT-S/16: distilled from a self-supervised network, on 1.7 billion images.
_base_ = ['../schedules/layer_decay.py']
backbone = dict(
    _delete_=True, type='mmwsss.TimmFeatures', model='vit_small_patch16_dinov3.lvd1689m'
)
backbone_optim = _base_.layer_decay_optim
