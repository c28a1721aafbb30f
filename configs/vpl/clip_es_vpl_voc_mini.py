# VPL's whole way on 137 photographs with the CLIP of toy size.
_base_ = ['../clip_es/clip_es_voc_mini.py', '../_base_/plugins/vpl.py',
          '../_base_/schedules/collect.py']
model = dict(cam_head=dict(
    text=_base_.vpl_text,
    prototypes=dict(_base_.vpl_prototypes, embed_dims=128, solver='gradient', lr=1.0)))
train_dataloader = _base_.vpl_train_dataloader
custom_hooks = _base_.custom_hooks + _base_.vpl_hooks
stages = dict(_base_.vpl_stages)
stages['decoder'] = dict(stages['decoder'], config='configs/vpl/vpl_decoder_voc_mini.py')
