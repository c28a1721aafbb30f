# CPAL on IRN with SigLIP 2's ViT-B/16, PASCAL VOC 2012.
_base_ = ['./irn_siglip2_base_voc.py', '../_base_/plugins/cpal.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
