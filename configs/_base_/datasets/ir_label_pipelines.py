# For networks that learn from ir_labels (IRNet, AMN).
ir_label_train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    # 0.5 to 1.5 of the image, whose long side is 500 in VOC
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 1.5), resize_type='Resize',
         keep_ratio=True, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.RandomPadCrop', crop_size=(512, 512)),
    dict(type='mmwsss.PackImageLabelInputs'),
]
# the boundaries of an image: one scale and its flip
edge_tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmwsss.PackImageLabelInputs')],
        ],
    ),
]
