# VPL's decoder on toy scenes, on a CPU, with a small CLIP whose file says what it is.
_base_ = ['../vpl/vpl_decoder_voc.py']
model = dict(
    data_preprocessor=dict(
        mean=[127.0, 127.0, 127.0],  # EfficientNet-Lite0's, which makes the small CLIP's patches
        std=[128.0, 128.0, 128.0],
        size=(160, 160),
    ),
    backbone=dict(model_name=None, pretrained='work_dirs/toy_clip/clip.pth',
                  out_indices=tuple(range(4))),
    decode_head=dict(
        in_channels=[96] * 4,  # all blocks of the small CLIP but the last
        embed_dims=128,
        channels=64,
        num_heads=4,
    ),
)
max_epochs = 10
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(_base_.poly, power=1.0, end=max_epochs),
]
train_pipeline = [
    _base_.load,
    dict(type='LoadAnnotations'),
    dict(type='mmwsss.RandomView', size=192, ratio_range=(0.75, 1.25), crop_size=160,
         interpolation='bilinear'),
    _base_.pack,
]
views = dict(_base_.views, scales=(1.0, 1.5))
tta_pipeline = [_base_.load, dict(views, annotations=True, pack='PackSegInputs')]
# On so few images no class is ever unlikely enough for 1e-3.
tta_model = dict(min_probability=0.05)
# the images are those of the run that this is a stage of
train_dataloader = dict(num_workers=0, persistent_workers=False,
                        dataset=dict(pipeline=train_pipeline))
seed_dataloader = dict(num_workers=0, dataset=dict(pipeline=[_base_.load, views]))
test_dataloader = dict(num_workers=0)
