# CPAL, to be plugged into a host:
#   _base_ = ['../irn/irn_voc.py', '../_base_/plugins/cpal.py']
#   model = dict(prototype_head=_base_.cpal_head)
#   custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
cpal_head = dict(
    type='mmwsss.PrototypeAwareCAMHead',
    projection=dict(type='mmwsss.SideProjection'),
    bank=dict(length=1000, num_prototypes=50),
)
cpal_hooks = [dict(type='mmwsss.ContextPrototypeHook', warmup_epochs=1)]
