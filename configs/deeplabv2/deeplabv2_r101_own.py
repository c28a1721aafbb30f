# The last stage on photographs of one's own, on a GPU.
_base_ = ['../_base_/models/deeplabv2_resnet101.py',
          '../_base_/datasets/own_pseudo_masks_large.py', '../_base_/schedules/deeplabv2_30k.py',
          '../_base_/default_runtime.py']
