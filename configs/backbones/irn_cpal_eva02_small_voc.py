# CPAL on IRN with EVA-02's ViT-S/14, PASCAL VOC 2012.
_base_ = ['./irn_eva02_small_voc.py', '../_base_/plugins/cpal.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
