# For hundreds of images instead of ten thousand (ours). The rate is the best of 0.02, 0.05, 0.1,
# 0.3 and 1.0 for the host on toy scenes; at 1.0 it no longer learns.
_base_ = ['./epochs.py']
max_epochs = 9
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.3, momentum=1e-4, weight_decay=1e-4),
    paramwise_cfg=dict(
        custom_keys={'cam_head': dict(lr_mult=10.0), 'prototype_head': dict(lr_mult=10.0)}
    ),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [dict(_base_.poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 16  # in all processes together
