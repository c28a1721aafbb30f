# one_stage_30k.py for hundreds of images (ours).
_base_ = ['./one_stage_30k.py']
max_epochs = 10
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 6
one_stage_hooks = [dict(type='mmwsss.AffinityRefinementHook', epoch=5)]
