# VPL on CLIP-ES, PASCAL VOC 2012: vision prototypes in the place of the text's, then a decoder on
# the frozen CLIP with regional contrast, which is the segmentor.
_base_ = [
    '../clip_es/clip_es_voc.py',
    '../_base_/plugins/vpl.py',
    '../_base_/schedules/collect.py',
]
model = dict(cam_head=dict(text=_base_.vpl_text, prototypes=_base_.vpl_prototypes))
train_dataloader = dict(sampler=dict(round_up=False))  # each image once, in any number of processes
custom_hooks = _base_.custom_hooks + _base_.vpl_hooks
pipeline = [
    dict(type='Train', name='vision'),
    dict(type='GenerateSeeds', name='seeds', model='vision'),
    *_base_.pipeline[1:4],
    dict(type='Train', name='decoder', masks='pseudo_masks', prototypes='vision',
         config='configs/vpl/vpl_decoder_voc.py'),
    dict(type='Test', name='test', model='decoder'),
]
