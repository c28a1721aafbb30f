# AMN on COCO 2014.
_base_ = ['./amn_voc.py', '../_base_/datasets/coco.py']
labelled = dict(_base_.coco_labelled, mask_dir='work_dirs/amn_coco/ir_labels/masks')
train_dataloader = seed_dataloader = test_dataloader = dict(dataset=labelled)
judged_on, tested_on = _base_.coco_judged_on, _base_.coco_val
stages = dict(
    cam=dict(config='configs/irn/irn_coco.py'),
    irnet=dict(config='configs/irn/irnet_coco.py'),
    segmentor=dict(config='configs/deeplabv2/deeplabv2_r101_coco.py'),
)
# 0.5 to 1.5 of the image, whose long side is 640 in COCO
_base_.train_dataloader.dataset.pipeline[2].size = 640
