# mctformer_60e.py for a hybrid ViT and hundreds of images (ours): a larger rate, and the patches'
# convolutional network, which is trained already, learns at a tenth of it.
_base_ = ['./mctformer_60e.py']
max_epochs, warmup_epochs = 7, 1
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(custom_keys={'patch_embed.projection.network': dict(lr_mult=0.1)}),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=warmup_epochs, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, begin=warmup_epochs, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 16  # in all processes together
