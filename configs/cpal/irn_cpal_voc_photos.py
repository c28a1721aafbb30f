# CPAL with a prototype of the background on IRN, 1,726 photographs of VOC, on a CPU.
_base_ = ['../irn/irn_voc_photos.py', '../_base_/plugins/cpal_prototypes.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
stages = dict(
    plain_masks=_base_.cpal_stages.plain_masks,
    plain_scores=_base_.cpal_stages.plain_scores,
    # thresholds as the host's, which the training masks choose; cpal_stages has none
    crf_masks=dict(source='pacam'),
    ir_labels=dict(source='pacam'),
    walk=dict(source='pacam'),
)
