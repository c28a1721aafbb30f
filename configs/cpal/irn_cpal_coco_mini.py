# CPAL on IRN, 175 photographs of COCO, on a CPU.
_base_ = ['../irn/irn_coco_mini.py', '../_base_/plugins/cpal_efficientnet_lite0.py']
model = dict(prototype_head=dict(_base_.cpal_head, num_classes=80))
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
