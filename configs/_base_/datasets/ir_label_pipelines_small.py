# As ir_label_pipelines.py, for small images and CPUs.
_base_ = ['./ir_label_pipelines.py']
ir_label_train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(256, 256), ratio_range=(0.8, 1.5), resize_type='Resize',
         keep_ratio=True, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.RandomPadCrop', crop_size=(256, 256)),
    dict(type='mmwsss.PackImageLabelInputs'),
]
