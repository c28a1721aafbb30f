# VPL on CLIP-ES, PASCAL VOC 2012, and DeepLabV2 on the masks that VPL's decoder makes.
_base_ = ['./clip_es_vpl_voc.py', '../_base_/plugins/vpl_export.py']
stages = _base_.vpl_export
