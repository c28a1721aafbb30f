# CPAL on IRN, toy scenes enlarged.
_base_ = ['./irn_toy_large.py', '../_base_/plugins/cpal_efficientnet_lite0.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
# found by tools/search_thresholds.py on another random seed
stages = dict(ir_labels=dict(fg_threshold=0.25, bg_threshold=0.1))
