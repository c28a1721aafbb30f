# Augmentation and views of IRN, shared by all classification networks.
crop_size = (512, 512)
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    # The long side is drawn evenly from 320..640; of a pair of scales mmcv would draw both sides
    # by themselves, and the long side would not be even.
    dict(type='RandomResize', scale=(640, 640), ratio_range=(0.5, 641 / 640),
         resize_type='Resize', keep_ratio=True, interpolation='bicubic'),
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
             for scale in (1.0, 0.5, 1.5, 2.0)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmwsss.PackImageLabelInputs')],
        ],
    ),
]
tta_model = dict(type='mmwsss.CAMTTAModel')
