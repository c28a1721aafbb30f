# Augmentation of VPL's decoder: scale 0.5..2, crop 320, flip, with image labels; test at five
# scales and their flips. CLIP takes images whose sides are multiples of its patch.
vpl_train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    # 0.5 to 2 of the image, whose long side is 500 in VOC
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 2.0), resize_type='Resize',
         keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.RandomPadCrop', crop_size=(320, 320)),
    dict(type='mmwsss.PackImageLabelInputs'),
]
vpl_test_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='ResizeToMultiple', size_divisor=16),
    dict(type='LoadAnnotations'),  # after the resizing: in the size of the image
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            # ours: those of DeepLabV2
            [dict(type='Resize', scale_factor=scale, keep_ratio=True)
             for scale in (0.5, 0.75, 1.0, 1.25, 1.5)],
            [dict(type='ResizeToMultiple', size_divisor=16)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
# The views of training images, for masks that another network learns from.
vpl_seed_pipeline = [
    tta_pipeline[0],
    dict(type='TestTimeAug', transforms=[*tta_pipeline[1]['transforms'][:3],
                                         [dict(type='mmwsss.PackImageLabelInputs')]]),
]
seed_tta_model = dict(type='mmwsss.SegmentorSeedTTAModel')
# Without the CRF (VPL Table 3, row V): --cfg-options tta_model.crf=None
tta_model = dict(type='mmwsss.CRFSegTTAModel')
