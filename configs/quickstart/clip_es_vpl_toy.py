# VPL on CLIP-ES, toy scenes: both phases.
_base_ = ['./clip_es_toy.py', '../_base_/plugins/vpl.py', '../_base_/schedules/collect.py']
model = dict(cam_head=dict(
    text=_base_.vpl_text,
    # as published, and what the tables were measured with; the rate was chosen on another toy CLIP:
    # a tenth of the paper's, whose overshoot a few hundred regions do not undo
    prototypes=dict(_base_.vpl_prototypes, embed_dims=128, solver='gradient', lr=1.0)))
train_dataloader = _base_.vpl_train_dataloader
custom_hooks = _base_.custom_hooks + _base_.vpl_hooks
stages = dict(_base_.vpl_stages)
stages['decoder'] = dict(stages['decoder'], config='configs/quickstart/vpl_decoder_toy.py')
