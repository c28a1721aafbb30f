# CPAL without a prototype of the background on IRN, toy scenes: pixels over a threshold make an
# instance, the PACAM has no background of its own. Nearer to the print than irn_cpal_toy.py.
_base_ = ['./irn_toy.py', '../_base_/plugins/cpal_efficientnet_lite0.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
# found by tools/search_thresholds.py on another random seed
stages = dict(ir_labels=dict(fg_threshold=0.4, bg_threshold=0.2))
