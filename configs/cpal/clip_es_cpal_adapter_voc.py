# CPAL on CLIP-ES with a 1x1 projection that learns from image labels and from CPAL's loss: the
# other reading of clip_es_cpal_voc.py.
_base_ = ['../clip_es/clip_es_voc.py', '../_base_/plugins/cpal.py',
          '../_base_/schedules/clip_es_adapter_5e.py']
model = dict(
    cam_head=dict(type='mmwsss.CLIPESAdapterHead'),
    prototype_head=dict(
        _base_.cpal_head,
        projection=dict(type='mmwsss.IdentityProjection', in_channels=512),
        center=True,  # ours: vectors of CLIP lie in a narrow cone
    ),
)
model_wrapper_cfg = None  # the adapter learns: DDP
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
train_dataloader = dict(sampler=dict(shuffle=True))
stages = dict(
    adapter=dict(type='Train'),
    seeds=dict(model='adapter'),
    pseudo_masks=dict(source='pacam'),
)
