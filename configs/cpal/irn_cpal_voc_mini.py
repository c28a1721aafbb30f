# CPAL on IRN, 137 photographs, on a CPU.
_base_ = ['../irn/irn_voc_mini.py', '../_base_/plugins/cpal_efficientnet_lite0.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
