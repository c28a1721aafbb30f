# pseudo_masks.py for small images and CPUs.
_base_ = ['./pseudo_masks.py']
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(256, 256), ratio_range=(0.8, 1.5), resize_type='Resize',
         keep_ratio=True),
    dict(type='RandomCrop', crop_size=(256, 256)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='mmwsss.MultiScaleFlip', scales=(0.5, 0.75), annotations=True,
         interpolation='bilinear', resize='Resize', pack='PackSegInputs'),
]
# On so few images no class is ever unlikely enough for 1e-3, and a CRF of 21 classes takes seconds.
tta_model = dict(min_probability=0.05)
train_dataloader = dict(num_workers=0, persistent_workers=False,
                        dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(num_workers=0)
