# CPAL on AMN, PASCAL VOC 2012: the self-supervised loss is added to the pixel loss.
_base_ = ['../amn/amn_voc.py', '../_base_/plugins/cpal.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
