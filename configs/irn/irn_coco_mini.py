# IRN on 175 photographs of COCO, on a CPU, in minutes.
_base_ = ['./irn_voc_mini.py', '../_base_/datasets/coco_mini.py']
train_dataloader = seed_dataloader = test_dataloader = dict(dataset=_base_.coco_labelled)
judged_on, tested_on = _base_.coco_judged_on, _base_.coco_val
stages = dict(
    irnet=dict(config='configs/irn/irnet_coco_mini.py'),
    segmentor=dict(config='configs/deeplabv2/deeplabv2_efficientnet_lite0_coco_mini.py'),
)
