# One stage on toy scenes, on a CPU, with the CLIP of toy size: run `python tools/train_toy_clip.py`
# first.
_base_ = ['../_base_/models/one_stage_toy.py', '../_base_/datasets/toy_cam.py',
          '../_base_/schedules/one_stage_small.py', '../_base_/stages/one_stage.py',
          '../_base_/default_runtime.py']
train_pipeline = [
    _base_.load,
    dict(type='mmwsss.RandomView', size=192, ratio_range=(0.75, 1.25), crop_size=160,
         interpolation='bilinear'),
    _base_.pack,
]
test_pipeline = [
    _base_.load,
    dict(type='mmwsss.PillowResize', scale_factor=1.0, size_divisor=16, interpolation='bilinear'),
    dict(type='LoadAnnotations'),  # after the resizing: in the size of the image
    dict(type='PackSegInputs'),
]
views = dict(type='mmwsss.MultiScaleFlip', scales=(1.0, 1.5), size_divisor=16,
             interpolation='bilinear')
tta_pipeline = [_base_.load, dict(views, annotations=True, pack='PackSegInputs')]
# On so few images no class is ever unlikely enough for 1e-3.
tta_model = dict(_delete_=True, type='mmwsss.CRFSegTTAModel', min_probability=0.05)
seed_tta_model = dict(type='mmwsss.SegmentorSeedTTAModel')
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
seed_dataloader = dict(dataset=dict(pipeline=[_base_.load, views]))
test_dataloader = dict(dataset=dict(_delete_=True, **_base_.tested_on, pipeline=test_pipeline))
test_evaluator = dict(_delete_=True, type='IoUMetric', iou_metrics=['mIoU'])
custom_hooks = _base_.custom_hooks + _base_.one_stage_hooks
