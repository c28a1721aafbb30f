# amn_5e.py for hundreds of images instead of ten thousand (ours): larger rates, more epochs.
_base_ = ['./epochs.py']
max_epochs = 9
optim_wrapper = dict(
    optimizer=dict(type='Adam', lr=1e-4, weight_decay=1e-4),
    paramwise_cfg=dict(
        custom_keys={'cam_head': dict(lr_mult=20.0), 'prototype_head': dict(lr_mult=20.0)}
    ),
)
param_scheduler = []
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 16  # in all processes together
