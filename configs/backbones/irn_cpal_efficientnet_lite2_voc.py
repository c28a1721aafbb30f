# CPAL on IRN with EfficientNet-Lite2, PASCAL VOC 2012.
_base_ = ['./irn_efficientnet_lite2_voc.py', '../_base_/plugins/cpal.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
