# For hundreds of images: a larger rate and fewer iterations than deeplabv2_30k.py (ours).
_base_ = ['./epochs.py']
max_epochs = 15
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10.0)}),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [dict(_base_.poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 10  # in all processes together
