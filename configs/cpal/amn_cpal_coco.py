# CPAL on AMN, COCO 2014.
_base_ = ['../amn/amn_coco.py', '../_base_/plugins/cpal.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
