# 3 epochs of batches of 32, SGD 0.1 (boundaries) and 1.0 (displacements), poly 0.9 (IRN).
# The momentum is what IRN ran with, not its "0.9": see cam_5e.py.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=1e-4, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={'displacement_branch': dict(lr_mult=10.0)}),
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=3, by_epoch=True,
         convert_to_iter_based=True),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=3)
total_batch_size = 32  # in all processes together (IRN)
