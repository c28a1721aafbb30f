# WeCLIP: AdamW 2e-3, decay 0.01, 50 iterations of warm-up, poly 1.0, as in vpl_30k.py; batches of
# 4. 30k iterations over the 10,582 images of trainaug are 11.3 epochs, and the 15,000th, after
# which the decoder's affinity refines the CAMs, is in the middle of the sixth.
_base_ = ['./vpl_30k.py']
max_epochs = 11
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 4  # in all processes together
one_stage_hooks = [dict(type='mmwsss.AffinityRefinementHook', epoch=6)]
