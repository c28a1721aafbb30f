# CPAL with a prototype of the background on IRN, photographs of one's own, on a CPU: its seeds need
# no threshold. `mmwsss new FOLDER` writes a config that inherits it.
_base_ = ['../irn/irn_own.py', '../_base_/plugins/cpal_own.py']
model = dict(prototype_head=_base_.cpal_head)
custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
stages = _base_.cpal_stages
