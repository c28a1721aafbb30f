# As ir_label_pipelines.py, for images of 144 to 192 pixels a side.
_base_ = ['./ir_label_pipelines.py']
ir_label_train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.75, 1.25), resize_type='Resize',
         keep_ratio=True, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.RandomPadCrop', crop_size=(160, 160)),
    dict(type='mmwsss.PackImageLabelInputs'),
]
