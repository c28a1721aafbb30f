# Images with pseudo masks, as DeepLabV2 sees them: scale 0.5..2, crop 321, flip; tested at five
# scales and their flips. A data set's base says which images these are.
load_both = [dict(type='mmwsss.LoadImage'), dict(type='LoadAnnotations')]
rescale = dict(type='RandomChoice', transforms=[
    [dict(type='Resize', scale_factor=scale, keep_ratio=True)]
    for scale in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
])
flip, pack = dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')
train_pipeline = [*load_both, rescale, dict(type='RandomCrop', crop_size=(321, 321)), flip, pack]
# the name that mmseg's inference reads
test_pipeline = [*load_both, pack]
views = dict(type='mmwsss.MultiScaleFlip', scales=(0.5, 0.75, 1.0, 1.25, 1.5), annotations=True,
             interpolation='bilinear', resize='Resize', pack='PackSegInputs')
tta_pipeline = [load_both[0], views]
# CLIP-ES and DeepLab's CRF on the merged probabilities; crf=None is mmseg's own SegTTAModel
tta_model = dict(type='mmwsss.CRFSegTTAModel')
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmwsss.PseudoMaskDataset',
        mask_dir='work_dirs/pseudo_masks',  # a run sets it to the masks it made
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(pipeline=test_pipeline),
)
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
