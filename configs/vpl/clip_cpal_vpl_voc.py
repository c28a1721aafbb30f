# VPL on CPAL on CLIP-ES: the bank is filled under the maps of the vision prototypes.
_base_ = ['../cpal/clip_es_cpal_voc.py', '../_base_/plugins/vpl.py']
model = dict(cam_head=dict(text=_base_.vpl_text, prototypes=_base_.vpl_prototypes))
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
)
