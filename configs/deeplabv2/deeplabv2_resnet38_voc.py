# The last stage on ResNet38, as for MCTformer's row of CPAL's Table 5.
_base_ = ['../_base_/models/deeplabv2_resnet38.py', '../_base_/datasets/voc_pseudo_masks.py',
          '../_base_/schedules/deeplabv2_20k.py', '../_base_/default_runtime.py']
model = dict(decode_head=dict(num_classes=21))  # for mmseg's own commands; ours ask the data set
train_pipeline = [
    *_base_.load_both,
    _base_.rescale,  # ours: as deeplabv2_r101_voc.py
    dict(type='RandomCrop', crop_size=(448, 448)),
    _base_.flip,
    dict(type='PhotoMetricDistortion'),  # jitter of brightness, contrast, saturation and hue
    _base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
# six scales; which ones is ours
views = dict(_base_.views, scales=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75))
tta_pipeline = [_base_.load_both[0], views]
