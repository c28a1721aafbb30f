# CPAL with a prototype of the background on IRN with ResNet-50, photographs of one's own, on a GPU.
# `mmwsss new FOLDER` writes a config that inherits it.
_base_ = ['../irn/irn_r50_own.py', '../_base_/plugins/cpal_own.py']
model = dict(prototype_head=dict(
    _base_.cpal_head,
    projection=dict(type='mmwsss.IdentityProjection'),
))
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
stages = _base_.cpal_stages
