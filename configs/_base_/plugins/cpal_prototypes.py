# CPAL with a prototype of the background, as docs/methods/cpal.md says under "The reading with a
# background prototype", for a host on EfficientNet-Lite0 and a few thousand images:
#   _base_ = ['../irn/irn_voc_photos.py', '../_base_/plugins/cpal_prototypes.py']
#   model = dict(prototype_head=_base_.cpal_head)
#   custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
#   stages = _base_.cpal_stages
_base_ = ['./cpal.py']
cpal_head = dict(
    projection=dict(_delete_=True, type='mmwsss.IdentityProjection', in_channels=320),
    center=True,
    instances='ownership',  # SIPE
    background='prototype',
    positiveness='cosine',
    # cosines over 0.05 are the other way; they give an image's own entry in the bank the weight
    standardize=True,
    stop_grad='pacam',
)
cpal_hooks = [dict(type='mmwsss.ContextPrototypeHook', warmup_epochs=2)]
# seeds with their own background: no threshold is chosen on ground truth
cpal_stages = dict(
    plain_masks=dict(type='RefineSeeds', seeds='seeds', source='pacam', bg_threshold=None,
                     crf=None),
    plain_scores=dict(type='EvaluateMasks', masks='plain_masks', title='argmax, no CRF'),
    crf_masks=dict(source='pacam', bg_threshold=None, scores=None),
    ir_labels=dict(source='pacam', fg_threshold=None, bg_threshold=None),
    walk=dict(source='pacam'),
    pseudo_masks=dict(bg_threshold=None, scores=None),
)
