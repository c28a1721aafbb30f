# CPAL on IRN with ConvNeXt V2-T, PASCAL VOC 2012.
_base_ = ['./irn_convnextv2_tiny_voc.py', '../_base_/plugins/cpal.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
