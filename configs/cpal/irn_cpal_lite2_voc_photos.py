# irn_cpal_voc_photos.py with EfficientNet-Lite2 in the place of Lite0.
_base_ = ['../irn/irn_lite2_voc_photos.py', '../_base_/plugins/cpal_prototypes.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
stages = _base_.cpal_judged_stages
