# Augmentation of DeepLabV2: scale 0.5..2, crop 321, flip; test at five scales and their flips.
seg_crop_size = (321, 321)
seg_train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='RandomChoice', transforms=[
        [dict(type='Resize', scale_factor=scale, keep_ratio=True)]
        for scale in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    ]),
    dict(type='RandomCrop', crop_size=seg_crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
seg_test_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=scale, keep_ratio=True)
             for scale in (0.5, 0.75, 1.0, 1.25, 1.5)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
# CLIP-ES and DeepLab's CRF on the merged probabilities; crf=None is mmseg's own SegTTAModel
tta_model = dict(type='mmwsss.CRFSegTTAModel')
