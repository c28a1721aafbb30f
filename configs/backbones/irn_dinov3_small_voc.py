# IRN on PASCAL VOC 2012 with DINOv3's ViT-S/16 in the place of ResNet-50.
_base_ = ['../irn/irn_voc.py', '../_base_/backbones/dinov3_small.py']
model = dict(backbone=_base_.backbone)
optim_wrapper = _base_.backbone_optim
stages = dict(irnet=dict(backbone=None))  # IRNet keeps its ResNet-50
