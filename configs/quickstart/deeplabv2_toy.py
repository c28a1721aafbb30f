# The last stage on toy scenes, on a CPU.
_base_ = ['../_base_/models/deeplabv2_efficientnet_lite0.py',
          '../_base_/datasets/toy_pseudo_masks.py', '../_base_/schedules/deeplabv2_small.py',
          '../_base_/default_runtime.py']
model = dict(data_preprocessor=dict(size=(160, 160)))
max_epochs = 4  # for the few minutes of the quickstart
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [dict(_base_.param_scheduler[0], end=max_epochs)]
