# IRNet on COCO 2014.
_base_ = ['./irnet_voc.py', '../_base_/datasets/coco.py']
train_dataloader = dict(
    dataset=dict(_base_.coco_labelled, mask_dir='work_dirs/irn_coco/ir_labels/masks')
)
seed_dataloader = dict(dataset=_base_.coco_labelled)
test_dataloader = dict(dataset=_base_.coco_labelled)
# 0.5 to 1.5 of the image, whose long side is 640 in COCO
_base_.train_dataloader.dataset.pipeline[2].size = 640
