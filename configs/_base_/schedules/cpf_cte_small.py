# For a hybrid ViT and hundreds of images (ours), in two stages as the paper's: at first all but the
# patches' convolutional network learns, then this too. docs/methods/cpf_cte.md has what was tried.
_base_ = ['./epochs.py']
max_epochs, frozen_epochs = 12, 8
optim_wrapper = dict(
    optimizer=dict(type='Adam', lr=2e-3),
    paramwise_cfg=dict(custom_keys={'patch_embed.projection.network': dict(lr_mult=0.5)}),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=1, convert_to_iter_based=True),
    dict(type='MultiStepLR', by_epoch=True, milestones=[frozen_epochs], gamma=0.1),
]
train_cfg = dict(max_epochs=max_epochs)
cpf_cte_hooks = [
    dict(type='mmwsss.UnfreezeHook', epoch=frozen_epochs, freeze=True,
         modules=[f'backbone.patch_embed.projection.network.stages.{stage}'
                  for stage in range(3, 7)]),  # the others never learn
]
total_batch_size = 8  # in all processes together
