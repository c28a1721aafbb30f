# PASCAL VOC 2012 with pseudo masks and image labels: train on trainaug, test on val.
_base_ = ['./vpl_pipelines.py']
data_root = '{{$MMWSSS_DATA:data}}/VOCdevkit/VOC2012'
data_prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClass')
label_file = data_root + '/image_labels.json'
train = dict(type='PascalVOCDataset', data_root=data_root, data_prefix=data_prefix,
             ann_file='ImageSets/Segmentation/trainaug.txt')
train_dataloader = dict(
    batch_size=6,  # VPL, implementation details; in all processes together
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmwsss.ImageLabelDataset',  # no item names its ground truth
        dataset=train,
        label_file=label_file,
        mask_dir='work_dirs/pseudo_masks',  # run_pipeline sets it to the masks it made
        pipeline=_base_.vpl_train_pipeline,
    ),
)
seed_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmwsss.ImageLabelDataset', dataset=train, label_file=label_file,
                 pipeline=_base_.vpl_seed_pipeline, test_mode=True),
)
test_pipeline = _base_.vpl_test_pipeline  # the name that mmseg's inference reads
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='PascalVOCDataset', data_root=data_root, data_prefix=data_prefix,
                 ann_file='ImageSets/Segmentation/val.txt', pipeline=_base_.vpl_test_pipeline),
)
test_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
