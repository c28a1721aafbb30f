# CPAL for a host on EfficientNet-Lite0 and a few hundred images. The paper's numbers belong to ten
# thousand images: there the bank of 1000 holds a little more than one epoch of a class, and running
# means of 0.99 forget within a fraction of an epoch. So both are scaled down here, or prototypes
# would be of networks long gone. The other options that differ were chosen on toy scenes, on a seed
# of their own; docs/methods/cpal.md has what was tried.
_base_ = ['./cpal.py']
cpal_head = dict(
    projection=dict(_delete_=True, type='mmwsss.IdentityProjection'),
    bank=dict(length=80),
    momentum=0.9,
    center=True,
    tau=0.3,
    stop_grad='cam',
    loss_weight=2.0,
)
