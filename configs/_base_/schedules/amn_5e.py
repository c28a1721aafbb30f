# 5 epochs, Adam at a constant rate: 5e-6 for the backbone, 1e-4 for new layers (AMN).
_base_ = ['./epochs.py']
optim_wrapper = dict(
    optimizer=dict(type='Adam', lr=5e-6, weight_decay=1e-4),
    paramwise_cfg=dict(
        custom_keys={'cam_head': dict(lr_mult=20.0), 'prototype_head': dict(lr_mult=20.0)}
    ),
)
param_scheduler = []
train_cfg = dict(max_epochs=5)
total_batch_size = 16  # in all processes together
