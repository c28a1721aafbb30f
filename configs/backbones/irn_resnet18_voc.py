# IRN on PASCAL VOC 2012 with ResNet-18 in the place of ResNet-50.
_base_ = ['../irn/irn_voc.py', '../_base_/backbones/resnet18.py']
model = dict(backbone=_base_.backbone)
stages = dict(irnet=dict(backbone=None))  # IRNet keeps its ResNet-50
