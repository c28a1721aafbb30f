# The views of CPF-CTE (Sec. 4.2): whole images, stretched to 384 x 384 for training and to 960 x
# 960 for seeds. The flip in training is ours.
square_train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='Resize', scale=(384, 384), keep_ratio=False, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.PackImageLabelInputs'),
]
square_test_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='Resize', scale=(960, 960), keep_ratio=False, interpolation='bicubic'),
    dict(type='mmwsss.PackImageLabelInputs'),
]
square_tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(960, 960), keep_ratio=False, interpolation='bicubic')],
            [dict(type='RandomFlip', prob=0.0)],  # add dict(type='RandomFlip', prob=1.0) to flip
            [dict(type='mmwsss.PackImageLabelInputs')],
        ],
    ),
]
