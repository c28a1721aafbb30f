# Augmentation and views of MCTformer: crops of 224 for training, the image itself for its seed.
mctformer_train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    # DeiT's crop, 8 to 100 % of the area; its RandAugment and erasing are left out (ours)
    dict(type='mmpretrain.RandomResizedCrop', scale=224, interpolation='bicubic',
         backend='pillow'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.PackImageLabelInputs'),
]
mctformer_tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmwsss.PackImageLabelInputs')],
        ],
    ),
]
