# One stage on COCO 2014.
_base_ = ['./one_stage_voc.py', '../_base_/datasets/coco.py']
model = dict(
    backbone=dict(num_refining_blocks=10),  # WeCLIP
    cam_head=dict(
        text=dict(names='coco', background='coco_background'), box_threshold=0.7,  # CLIP-ES
    ),
)
train_dataloader = seed_dataloader = dict(dataset=_base_.coco_labelled)
test_dataloader = dict(dataset=_base_.coco_val)
judged_on, tested_on = _base_.coco_judged_on, _base_.coco_val
# 0.5 to 2 of the image, whose long side is 640 in COCO
_base_.train_dataloader.dataset.pipeline[1].size = 640
max_epochs = 4  # ours: 82k iterations of batch 4 over 82,081 images
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
custom_hooks = [*_base_.custom_hooks[:-1], dict(_base_.custom_hooks[-1], epoch=2)]
