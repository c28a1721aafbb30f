# 3 epochs of batches of 32, SGD 0.1 (boundaries) and 1.0 (displacements), poly 0.9 (IRN).
# The momentum is what IRN ran with, not its "0.9": see cam_5e.py.
_base_ = ['./epochs.py']
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=1e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={'displacement_branch': dict(lr_mult=10.0)}),
)
param_scheduler = [dict(_base_.poly, end=3)]
train_cfg = dict(max_epochs=3)
total_batch_size = 32  # in all processes together (IRN)
