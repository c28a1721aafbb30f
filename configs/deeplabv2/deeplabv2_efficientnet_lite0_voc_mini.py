# The last stage on 137 photographs, on a CPU.
_base_ = [
    '../_base_/models/deeplabv2_efficientnet_lite0.py',
    '../_base_/schedules/deeplabv2_small.py',
    '../_base_/default_runtime.py',
]
data_root = '{{$MMWSSS_DATA:data}}/voc_mini'
data_prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClass')
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(256, 256), ratio_range=(0.8, 1.5), resize_type='Resize',
         keep_ratio=True),
    dict(type='RandomCrop', crop_size=(256, 256)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=scale, keep_ratio=True)
             for scale in (0.5, 0.75)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
# On so few images no class is ever unlikely enough for 1e-3, and a CRF of 21 classes takes seconds.
tta_model = dict(type='mmwsss.CRFSegTTAModel', min_probability=0.05)
train_dataloader = dict(
    batch_size=10,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmwsss.PseudoMaskDataset',
        dataset=dict(type='PascalVOCDataset', data_root=data_root, data_prefix=data_prefix,
                     ann_file='ImageSets/Segmentation/train.txt'),
        mask_dir='work_dirs/pseudo_masks',  # run_pipeline sets it to the masks it made
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='PascalVOCDataset', data_root=data_root, data_prefix=data_prefix,
                 ann_file='ImageSets/Segmentation/val.txt', pipeline=test_pipeline),
)
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
