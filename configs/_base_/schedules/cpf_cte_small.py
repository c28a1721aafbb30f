# For a hybrid ViT and hundreds of images (ours): nothing is frozen, the patches' convolutional
# network and the block learn at a fiftieth of the rate of the layers around them, so that patches
# say what is in them before they hear of the others; the two rates have two thirds and one third
# of the epochs. docs/methods/cpf_cte.md has what was tried.
max_epochs = 9
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3),
    paramwise_cfg=dict(
        custom_keys={
            'patch_embed.projection.network': dict(lr_mult=0.1),
        }
    ),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=1, convert_to_iter_based=True),
    dict(type='MultiStepLR', by_epoch=True, milestones=[2 * max_epochs // 3], gamma=0.1),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
val_cfg = None
test_cfg = dict(type='TestLoop')
# for tools/train.py --auto-scale-lr
auto_scale_lr = dict(enable=False, base_batch_size=8)
