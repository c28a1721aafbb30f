# The decoder of VPL with AdamW 2e-3, decay 0.01, 50 iterations of warm-up, poly 1.0: the recipe of
# WeCLIP for a decoder on a frozen CLIP. SGD, as the paper writes, is in vpl_30k_sgd.py.
# 30k iterations of batch 6 (VPL, implementation details) over the 10,582 images of trainaug are
# 17.0 epochs; epochs rather than iterations, because training resumes at an epoch's edge.
_base_ = ['./epochs.py']
max_epochs = 17
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(_base_.poly, power=1.0, end=max_epochs),
]
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 6  # in all processes together (VPL)
