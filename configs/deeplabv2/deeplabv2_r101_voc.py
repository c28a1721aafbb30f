# The last stage: an ordinary mmseg config that learns from pseudo masks.
_base_ = ['../_base_/models/deeplabv2_resnet101.py', '../_base_/datasets/voc_pseudo_masks.py',
          '../_base_/schedules/deeplabv2_30k.py', '../_base_/default_runtime.py']
model = dict(decode_head=dict(num_classes=21))  # for mmseg's own commands; ours ask the data set
