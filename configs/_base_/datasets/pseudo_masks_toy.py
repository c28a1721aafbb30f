# pseudo_masks_small.py for images of 144 to 192 pixels per side.
_base_ = ['./pseudo_masks_small.py']
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.75, 1.25), resize_type='Resize',
         keep_ratio=True),
    dict(type='RandomCrop', crop_size=(160, 160)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='mmwsss.MultiScaleFlip', scales=(1.0, 1.5), annotations=True,
         interpolation='bilinear', resize='Resize', pack='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
