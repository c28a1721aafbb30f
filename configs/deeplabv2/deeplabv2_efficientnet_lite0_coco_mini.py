# The last stage on 175 photographs of COCO, on a CPU.
_base_ = ['./deeplabv2_efficientnet_lite0_voc_mini.py', '../_base_/datasets/coco_mini.py']
model = dict(decode_head=dict(num_classes=81))
train_dataloader = dict(dataset=dict(dataset=_base_.coco_train))
test_dataloader = dict(dataset=_base_.coco_val)
