# One stage with CPAL, toy scenes.
_base_ = ['./one_stage_toy.py', '../_base_/plugins/cpal_efficientnet_lite0.py']
model = dict(prototype_head=dict(
    _base_.cpal_head, tau=0.5,  # as clip_es_cpal_toy.py
    projection=dict(type='mmwsss.IdentityProjection', in_channels=128)))
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
