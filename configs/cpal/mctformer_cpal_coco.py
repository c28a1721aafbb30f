# CPAL on MCTformer V2, COCO 2014.
_base_ = ['../mctformer/mctformer_coco.py', '../_base_/plugins/cpal.py']
model = dict(prototype_head=dict(
    _base_.cpal_head, projection=dict(type='mmwsss.IdentityProjection', in_channels=384)))
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
