# CPAL for a host on EfficientNet-Lite0 and a few hundred images. The options that differ from the
# defaults were chosen on toy scenes, on a seed of their own; docs/methods/cpal.md has what was
# tried.
_base_ = ['./cpal.py']
cpal_head = dict(
    projection=dict(_delete_=True, type='mmwsss.IdentityProjection', in_channels=320),
    center=True,
    tau=0.3,
    stop_grad='cam',
    loss_weight=0.5,
)
