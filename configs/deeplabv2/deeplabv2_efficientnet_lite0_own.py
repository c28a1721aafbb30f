# The last stage on photographs of one's own, on a CPU.
_base_ = ['../_base_/models/deeplabv2_efficientnet_lite0.py',
          '../_base_/datasets/own_pseudo_masks.py', '../_base_/schedules/deeplabv2_small.py',
          '../_base_/default_runtime.py']
