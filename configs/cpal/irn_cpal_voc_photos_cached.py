# CPAL with a prototype of the background on the cached trunk of irn_voc_photos_cached.py.
_base_ = ['../irn/irn_voc_photos_cached.py', '../_base_/plugins/cpal_prototypes.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
stages = _base_.cpal_stages
