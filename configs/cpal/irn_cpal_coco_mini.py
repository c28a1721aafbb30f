# CPAL on IRN, 175 photographs of COCO, on a CPU.
_base_ = ['../irn/irn_coco_mini.py', '../_base_/plugins/cpal_efficientnet_lite0.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
