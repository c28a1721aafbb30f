# IRN on PASCAL VOC 2012 with EfficientNet-Lite2 in the place of ResNet-50.
_base_ = ['../irn/irn_voc.py', '../_base_/backbones/efficientnet_lite2.py']
model = dict(backbone=_base_.backbone)
stages = dict(irnet=dict(backbone=None))  # IRNet keeps its ResNet-50
