# One stage with CPAL: its prototypes are of the decoder's embedding, and its maps are fused with
# the GradCAM before the attention spreads both.
_base_ = ['./one_stage_voc.py', '../_base_/plugins/cpal.py']
model = dict(
    prototype_head=dict(
        _base_.cpal_head,
        projection=dict(type='mmwsss.IdentityProjection', in_channels=256),
        center=True,
        stop_grad='cam',  # GradCAMs of a frozen network do not learn
    ),
)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
