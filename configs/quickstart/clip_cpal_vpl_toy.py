# VPL on CPAL on CLIP-ES, toy scenes.
_base_ = ['./clip_es_cpal_toy.py', '../_base_/plugins/vpl.py']
model = dict(cam_head=dict(
    text=_base_.vpl_text,
    # as published, and what the tables were measured with; the rate was chosen on another toy CLIP:
    # a tenth of the paper's, whose overshoot a few hundred regions do not undo
    prototypes=dict(_base_.vpl_prototypes, embed_dims=128, solver='gradient', lr=1.0)))
stages = dict(
    _base_.vpl_stages,
    # the bank is of another stage, and fills after it
    vision=dict(type='Train', options={
        'model.prototype_head': None,
        'train_cfg.type': 'mmwsss.CollectLoop',
        'custom_hooks': _base_.custom_hooks + _base_.vpl_hooks,
        'train_dataloader.sampler.round_up': False}),
    bank=dict(start='vision'),
    seeds=dict(model='bank'),
    decoder=dict(_base_.vpl_stages['decoder'], config='configs/quickstart/vpl_decoder_toy.py'),
)
