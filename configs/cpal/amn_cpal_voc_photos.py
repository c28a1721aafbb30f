# CPAL with a prototype of the background on AMN, 1,726 photographs of VOC, on a CPU.
_base_ = ['../amn/amn_voc_photos.py', '../_base_/plugins/cpal_prototypes.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
stages = dict(
    _base_.cpal_argmax,
    crf_masks=dict(source='pacam'),
    amn_ir_labels=dict(source='pacam'),
    walk=dict(source='pacam'),
)
