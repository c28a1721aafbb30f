# CPAL on AMN, toy scenes. Nothing was tuned for this host; the weight is the paper's.
_base_ = ['./amn_toy.py', '../_base_/plugins/cpal_efficientnet_lite0.py']
model = dict(prototype_head=dict(_base_.cpal_head, loss_weight=1.0))
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
