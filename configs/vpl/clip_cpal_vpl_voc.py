# VPL on CPAL on CLIP-ES: the bank is filled under the maps of the vision prototypes.
_base_ = ['../cpal/clip_es_cpal_voc.py', '../_base_/plugins/vpl.py']
model = dict(cam_head=dict(text=_base_.vpl_text, prototypes=_base_.vpl_prototypes))
pipeline = [
    dict(type='Train', name='vision', options={
        'model.prototype_head': None,
        'train_cfg.type': 'mmwsss.CollectLoop',
        'custom_hooks': _base_.custom_hooks + _base_.vpl_hooks,
        'train_dataloader.sampler.round_up': False}),
    dict(type='Train', name='bank', start='vision'),
    *_base_.pipeline[1:5],
    dict(type='Train', name='decoder', masks='pseudo_masks', prototypes='vision',
         config='configs/vpl/vpl_decoder_voc.py'),
    dict(type='Test', name='test', model='decoder'),
]
