# The last stage on ResNet38, as for MCTformer's row of CPAL's Table 5.
_base_ = ['../_base_/models/deeplabv2_resnet38.py', '../_base_/datasets/voc_pseudo_masks.py',
          '../_base_/schedules/deeplabv2_20k.py', '../_base_/default_runtime.py']
model = dict(decode_head=dict(num_classes=21))  # for mmseg's own commands; ours ask the data set
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    # ours: the scales of deeplabv2_r101_voc.py
    dict(type='RandomChoice', transforms=[
        [dict(type='Resize', scale_factor=scale, keep_ratio=True)]
        for scale in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    ]),
    dict(type='RandomCrop', crop_size=(448, 448)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),  # jitter of brightness, contrast, saturation and hue
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    # six scales; which ones is ours
    dict(type='mmwsss.MultiScaleFlip', scales=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75), annotations=True,
         interpolation='bilinear', resize='Resize', pack='PackSegInputs'),
]
