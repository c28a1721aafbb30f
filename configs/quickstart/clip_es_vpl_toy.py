# VPL on CLIP-ES, toy scenes: both phases.
_base_ = ['./clip_es_toy.py', '../_base_/plugins/vpl.py', '../_base_/schedules/collect.py']
model = dict(cam_head=dict(
    text=_base_.vpl_text,
    # chosen on another toy CLIP: a tenth of the paper's rate, whose overshoot a few hundred regions
    # do not undo
    prototypes=dict(_base_.vpl_prototypes, num_classes=10, embed_dims=128, lr=1.0)))
train_dataloader = dict(sampler=dict(round_up=False))
custom_hooks = _base_.custom_hooks + _base_.vpl_hooks
pipeline = [
    dict(type='Train', name='vision'),
    dict(type='GenerateSeeds', name='seeds', model='vision'),
    *_base_.pipeline[1:4],
    dict(type='Train', name='decoder', masks='pseudo_masks', prototypes='vision',
         config='configs/quickstart/vpl_decoder_toy.py'),
    dict(type='Test', name='test', model='decoder'),
]
