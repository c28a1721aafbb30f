# VPL's first phase, to be plugged into CLIP-ES, with ../schedules/collect.py:
#   model = dict(cam_head=dict(text=_base_.vpl_text, prototypes=_base_.vpl_prototypes))
#   custom_hooks = _base_.custom_hooks + _base_.vpl_hooks
vpl_text = dict(templates='template_vpl')
vpl_prototypes = dict(type='mmwsss.VisionPrototypes', num_classes=20, num_background=25)
vpl_hooks = [dict(type='mmwsss.VisionPrototypeHook')]
