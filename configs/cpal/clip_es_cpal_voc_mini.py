# CPAL on CLIP-ES, 137 photographs: the bank of a single pass.
_base_ = ['../clip_es/clip_es_voc_mini.py', '../_base_/plugins/cpal_efficientnet_lite0.py',
          '../_base_/schedules/collect.py']
model = dict(prototype_head=dict(
    _base_.cpal_head,
    projection=dict(type='mmwsss.IdentityProjection', in_channels=128)))
train_cfg = dict(type='mmwsss.BankFillLoop')
stages = dict(bank=dict(type='Train'), seeds=dict(model='bank'), pseudo_masks=dict(source='pacam'))
