# VPL's second phase on COCO 2014.
_base_ = ['./vpl_decoder_voc.py', '../_base_/datasets/coco.py']
train_dataloader = dict(dataset=_base_.coco_labelled)
seed_dataloader = dict(dataset=_base_.coco_labelled)
test_dataloader = dict(dataset=_base_.coco_val)
# 0.5 to 2 of the image, whose long side is 640 in COCO
_base_.train_dataloader.dataset.pipeline[2].size = 640
max_epochs = 6  # ours: 82k iterations of batch 6 over 82,081 images
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
