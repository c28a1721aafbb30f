# DINOv2, ViT-S/14: self-supervised, on 142 million images.
_base_ = ['../schedules/layer_decay.py']
backbone = dict(
    _delete_=True, type='mmwsss.TimmFeatures', model='vit_small_patch14_dinov2.lvd142m'
)
backbone_optim = _base_.layer_decay_optim
