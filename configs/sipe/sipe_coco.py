# SIPE on COCO 2014.
_base_ = ['./sipe_voc.py', '../_base_/datasets/coco.py']
train_dataloader = seed_dataloader = test_dataloader = dict(dataset=_base_.coco_labelled)
judged_on, tested_on = _base_.coco_judged_on, _base_.coco_val
stages = dict(
    irnet=dict(config='configs/irn/irnet_coco.py'),
    segmentor=dict(config='configs/deeplabv2/deeplabv2_r101_coco.py'),
)
