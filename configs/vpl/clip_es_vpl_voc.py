# VPL on CLIP-ES, PASCAL VOC 2012: vision prototypes in the place of the text's, then a decoder on
# the frozen CLIP with regional contrast, which is the segmentor.
_base_ = ['../clip_es/clip_es_voc.py', '../_base_/plugins/vpl.py', '../_base_/schedules/collect.py']
model = dict(cam_head=dict(text=_base_.vpl_text, prototypes=_base_.vpl_prototypes))
train_dataloader = _base_.vpl_train_dataloader
custom_hooks = _base_.custom_hooks + _base_.vpl_hooks
stages = _base_.vpl_stages
