# ir_labels.py for small images and CPUs.
_base_ = ['./ir_labels.py']
ir_label_train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='mmwsss.RandomView', size=256, ratio_range=(0.8, 1.5), crop_size=256),
    dict(type='mmwsss.PackImageLabelInputs'),
]
