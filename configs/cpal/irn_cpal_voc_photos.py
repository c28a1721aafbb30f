# CPAL with a prototype of the background on IRN, 1,726 photographs of VOC, on a CPU.
_base_ = ['../irn/irn_voc_photos.py', '../_base_/plugins/cpal_prototypes.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
stages = _base_.cpal_judged_stages
