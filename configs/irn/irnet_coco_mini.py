# IRNet on 175 photographs of COCO, on a CPU.
_base_ = ['./irnet_voc_mini.py', '../_base_/datasets/coco_mini.py']
train_dataloader = dict(
    dataset=dict(_base_.coco_labelled, mask_dir='work_dirs/irn_coco_mini/ir_labels/masks')
)
seed_dataloader = dict(dataset=_base_.coco_labelled)
test_dataloader = dict(dataset=_base_.coco_labelled)
