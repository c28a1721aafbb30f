# VPL's decoder on 137 photographs, on a CPU, with the CLIP of toy size.
_base_ = ['../quickstart/vpl_decoder_toy.py']
model = dict(data_preprocessor=dict(size=(256, 256)))
train_pipeline = [
    _base_.load,
    dict(type='LoadAnnotations'),
    dict(type='mmwsss.RandomView', size=256, ratio_range=(0.8, 1.5), crop_size=256,
         interpolation='bilinear'),
    _base_.pack,
]
views = dict(_base_.views, scales=(0.5, 0.75))
tta_pipeline = [_base_.load, dict(views, annotations=True, pack='PackSegInputs')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
seed_dataloader = dict(dataset=dict(pipeline=[_base_.load, views]))
