# CPAL on MCTformer V2, toy scenes.
_base_ = ['./mctformer_toy.py', '../_base_/plugins/cpal_efficientnet_lite0.py']
model = dict(prototype_head=dict(
    _base_.cpal_head, projection=dict(type='mmwsss.IdentityProjection', in_channels=192)))
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
