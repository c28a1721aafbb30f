# PASCAL VOC 2012 with pseudo masks and image labels: train on trainaug, test on val. Augmentation
# of VPL's decoder: scale 0.5..2, crop 320, flip; test at five scales and their flips. CLIP takes
# images whose sides are multiples of its patch.
_base_ = ['./voc_cam.py']
train_pipeline = [
    _base_.load,
    dict(type='LoadAnnotations'),
    # 0.5 to 2 of the image, whose long side is 500 in VOC
    dict(type='mmwsss.RandomView', size=500, ratio_range=(0.5, 2.0), crop_size=320,
         interpolation='bilinear'),
    _base_.pack,
]
# the name that mmseg's inference reads
test_pipeline = [
    _base_.load,
    dict(type='mmwsss.PillowResize', scale_factor=1.0, size_divisor=16, interpolation='bilinear'),
    dict(type='LoadAnnotations'),  # after the resizing: in the size of the image
    dict(type='PackSegInputs'),
]
views = dict(type='mmwsss.MultiScaleFlip', scales=(0.5, 0.75, 1.0, 1.25, 1.5),  # DeepLabV2's (ours)
             size_divisor=16, interpolation='bilinear')
tta_pipeline = [_base_.load, dict(views, annotations=True, pack='PackSegInputs')]
# Without the CRF (VPL Table 3, row V): --cfg-options tta_model.crf=None
tta_model = dict(_delete_=True, type='mmwsss.CRFSegTTAModel')
seed_tta_model = dict(type='mmwsss.SegmentorSeedTTAModel')
train_dataloader = dict(
    dataset=dict(  # an ImageLabelDataset: no item names its ground truth
        mask_dir='work_dirs/pseudo_masks',  # a run sets it to the masks it made
        pipeline=train_pipeline,
    ),
)
# the views of training images, for masks that another network learns from
seed_dataloader = dict(dataset=dict(pipeline=[_base_.load, views]))
test_dataloader = dict(dataset=dict(_delete_=True, **_base_.tested_on, pipeline=test_pipeline))
test_evaluator = dict(_delete_=True, type='IoUMetric', iou_metrics=['mIoU'])
