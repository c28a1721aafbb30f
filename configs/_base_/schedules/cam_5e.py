# 5 epochs, SGD, poly 0.9 (CPAL Sec. 4.1).
# IRN, SIPE and AMN hand the weight decay to SGD in the place of the momentum: what they ran with
# is a momentum of 1e-4, and their "0.9" is the power of the schedule. The other reading is in
# configs/irn/irn_momentum_voc.py, the letter of CPAL in configs/cpal/irn_cpal_as_printed_voc.py.
_base_ = ['./epochs.py']
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=1e-4, weight_decay=1e-4),
    paramwise_cfg=dict(
        custom_keys={'cam_head': dict(lr_mult=10.0), 'prototype_head': dict(lr_mult=10.0)}
    ),
    clip_grad=dict(max_norm=1.0),  # SIPE; IRN clips nothing
)
param_scheduler = [dict(_base_.poly, end=5)]
train_cfg = dict(max_epochs=5)
total_batch_size = 16  # in all processes together (CPAL Sec. 4.1)
