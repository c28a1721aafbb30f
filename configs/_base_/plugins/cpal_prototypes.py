# CPAL with a prototype of the background, as docs/methods/cpal.md says under "The reading with a
# background prototype", for a host on EfficientNet-Lite0 and a few thousand images:
#   _base_ = ['../irn/irn_voc_photos.py', '../_base_/plugins/cpal_prototypes.py']
#   model = dict(prototype_head=_base_.cpal_head)
#   custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
#   stages = _base_.cpal_stages  # or cpal_judged_stages
_base_ = ['./cpal.py']
cpal_head = dict(
    projection=dict(_delete_=True, type='mmwsss.IdentityProjection'),
    center=True,
    instances='ownership',  # SIPE
    background='prototype',
    positiveness='cosine',
    # the 20 nearest count alike: weights by likeness, too, give an image's own entry in the bank
    # most of the weight, and with it the errors of its own map
    weighting='rank_then_mean',
    # the features learn from the loss; a CAM that learns from it gets worse (docs/methods/cpal.md)
    stop_grad='cam',
    loss_weight=2.0,
)
cpal_hooks = [dict(type='mmwsss.ContextPrototypeHook', warmup_epochs=2, refill=True)]
cpal_argmax = dict(
    plain_masks=dict(type='RefineSeeds', seeds='seeds', source='pacam', bg_threshold=None,
                     crf=None),
    plain_scores=dict(type='EvaluateMasks', masks='plain_masks', title='argmax, no CRF'),
)
# beside a host whose thresholds the training masks choose
cpal_judged_stages = dict(
    cpal_argmax,
    crf_masks=dict(source='pacam'),
    ir_labels=dict(source='pacam'),
    walk=dict(source='pacam'),
)
# seeds with their own background: no threshold is chosen on ground truth
cpal_stages = dict(
    cpal_argmax,
    crf_masks=dict(source='pacam', bg_threshold=None, scores=None),
    ir_labels=dict(source='pacam', fg_threshold=None, bg_threshold=None),
    walk=dict(source='pacam'),
    pseudo_masks=dict(bg_threshold=None, scores=None),
)
