# The last stage on COCO 2014.
_base_ = ['./deeplabv2_r101_voc.py', '../_base_/datasets/coco.py']
model = dict(decode_head=dict(num_classes=81))
train_dataloader = dict(dataset=dict(dataset=_base_.coco_train))
test_dataloader = dict(dataset=_base_.coco_val)
max_epochs = 12  # ours: 100k iterations of batch 10 over 82,081 images
param_scheduler = [dict(_base_.param_scheduler[0], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
