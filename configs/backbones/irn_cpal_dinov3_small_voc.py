# CPAL on IRN with DINOv3's ViT-S/16, PASCAL VOC 2012.
_base_ = ['./irn_dinov3_small_voc.py', '../_base_/plugins/cpal.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
