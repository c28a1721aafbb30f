# VPL on CPAL on CLIP-ES, toy scenes.
_base_ = ['./clip_es_cpal_toy.py', '../_base_/plugins/vpl.py']
model = dict(cam_head=dict(
    text=_base_.vpl_text,
    # chosen on another toy CLIP: a tenth of the paper's rate, whose overshoot a few hundred regions
    # do not undo
    prototypes=dict(_base_.vpl_prototypes, num_classes=10, embed_dims=128, lr=1.0)))
pipeline = [
    dict(type='Train', name='vision', options={
        'model.prototype_head': None,
        'train_cfg.type': 'mmwsss.CollectLoop',
        'custom_hooks': _base_.custom_hooks + _base_.vpl_hooks,
        'train_dataloader.sampler.round_up': False}),
    dict(type='Train', name='bank', start='vision'),
    *_base_.pipeline[1:5],
    dict(type='Train', name='decoder', masks='pseudo_masks', prototypes='vision',
         config='configs/quickstart/vpl_decoder_toy.py'),
    dict(type='Test', name='test', model='decoder'),
]
