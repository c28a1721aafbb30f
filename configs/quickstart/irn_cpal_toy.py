# CPAL on IRN, toy scenes.
_base_ = ['./irn_toy.py', '../_base_/plugins/cpal_prototypes.py']
model = dict(prototype_head=dict(
    _base_.cpal_head,
    bank=dict(length=80), momentum=0.9,  # as cpal_efficientnet_lite0.py says
))
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
stages = _base_.cpal_judged_stages
