# IRN on PASCAL VOC 2012 with ConvNeXt V2-T in the place of ResNet-50.
_base_ = ['../irn/irn_voc.py', '../_base_/backbones/convnextv2_tiny.py']
model = dict(backbone=_base_.backbone)
optim_wrapper = _base_.backbone_optim
stages = dict(irnet=dict(backbone=None))  # IRNet keeps its ResNet-50
