# 60 epochs of batches of 64, AdamW 6.25e-5 (5e-4 for 512), decay 0.05, cosine after 5 epochs of
# warm-up (MCTformer). As in DeiT the rate begins at 1e-6 and ends at 1e-5, and biases, norms, class
# tokens and positions do not decay.
_base_ = ['./epochs.py']
max_epochs, warmup_epochs = 60, 5
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=6.25e-5, weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={'cls_token': dict(decay_mult=0.0), 'pos_embed': dict(decay_mult=0.0)},
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.016, begin=0, end=warmup_epochs, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, begin=warmup_epochs, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 64  # in all processes together (MCTformer)
