# CPAL on IRN, toy scenes seen at twice their size.
_base_ = ['./irn_toy_large.py', '../_base_/plugins/cpal_efficientnet_lite0.py']
model = dict(prototype_head=dict(_base_.cpal_head, num_classes=10))
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
