# CPAL on IRN, toy scenes. The options that differ from the defaults were chosen on seed 7, on which
# no table is made; docs/methods/cpal.md has what was tried.
_base_ = ['./irn_toy.py', '../_base_/plugins/cpal_efficientnet_lite0.py']
model = dict(
    prototype_head=dict(
        _base_.cpal_head,
        num_classes=10,
        projection=dict(type='mmwsss.IdentityProjection', in_channels=320),
        center=True,
        tau=0.3,
        stop_grad='cam',
        loss_weight=0.5,
    )
)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
