# CPAL on CLIP-ES: one pass fills the bank from frozen patch vectors under the GradCAM, k-means; the
# PACAM is fused with the GradCAM before the attention spreads it.
_base_ = ['../clip_es/clip_es_voc.py', '../_base_/plugins/cpal.py',
          '../_base_/schedules/collect.py']
model = dict(
    prototype_head=dict(
        _base_.cpal_head,
        projection=dict(type='mmwsss.IdentityProjection', in_channels=512),
        center=True,  # ours: vectors of CLIP lie in a narrow cone
    ),
)
train_cfg = dict(type='mmwsss.BankFillLoop')
stages = dict(bank=dict(type='Train'), seeds=dict(model='bank'), pseudo_masks=dict(source='pacam'))
