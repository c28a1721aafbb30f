# CLIP-ES sees every image once, whole: sides rounded up to multiples of the patch.
clip_es_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='ResizeToMultiple', size_divisor=16, interpolation='bicubic'),
    dict(type='mmwsss.PackImageLabelInputs'),
]
clip_es_tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='ResizeToMultiple', size_divisor=16, interpolation='bicubic')],
            [dict(type='RandomFlip', prob=0.0)],
            [dict(type='mmwsss.PackImageLabelInputs')],
        ],
    ),
]
