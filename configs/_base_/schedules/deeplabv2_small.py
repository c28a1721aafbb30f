# For hundreds of images on networks without batch norm (ours): AdamW learns where SGD diverges at
# the rate that it would need.
_base_ = ['./epochs.py']
max_epochs = 15
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=3.0)}),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [dict(_base_.poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 10  # in all processes together
