# The last stage on 1,726 photographs of VOC, on a CPU.
_base_ = ['../_base_/models/deeplabv2_efficientnet_lite0.py',
          '../_base_/datasets/voc_photos_pseudo_masks.py',
          '../_base_/schedules/deeplabv2_small.py', '../_base_/default_runtime.py']
max_epochs = 6  # ours: ten times the images of voc_mini
param_scheduler = [dict(_base_.poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
