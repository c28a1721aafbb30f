# As cam_pipelines.py, for small images and CPUs.
crop_size = (256, 256)
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='RandomResize', scale=(256, 256), ratio_range=(0.8, 1.5), resize_type='Resize',
         keep_ratio=True, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.RandomPadCrop', crop_size=crop_size),
    dict(type='mmwsss.PackImageLabelInputs'),
]
test_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='mmwsss.PackImageLabelInputs'),
]
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=scale, keep_ratio=True, interpolation='bicubic')
             for scale in (0.5, 0.75)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmwsss.PackImageLabelInputs')],
        ],
    ),
]
tta_model = dict(type='mmwsss.CAMTTAModel')
