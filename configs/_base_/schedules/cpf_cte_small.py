# For a small ViT that learns from nothing on hundreds of images (ours, not tuned): nothing is
# frozen, and the two rates have two thirds and one third of the epochs.
max_epochs = 30
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=2, convert_to_iter_based=True),
    dict(type='MultiStepLR', by_epoch=True, milestones=[2 * max_epochs // 3], gamma=0.1),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
val_cfg = None
test_cfg = dict(type='TestLoop')
# for tools/train.py --auto-scale-lr
auto_scale_lr = dict(enable=False, base_batch_size=16)
