# PASCAL VOC 2012 with image labels: train and make seeds on trainaug, judge them on train.
_base_ = ['./cam_pipelines.py']
data_root = '{{$MMWSSS_DATA:data}}/VOCdevkit/VOC2012'
label_file = data_root + '/image_labels.json'
data_prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClass')
trainaug = dict(type='PascalVOCDataset', data_root=data_root, data_prefix=data_prefix,
                ann_file='ImageSets/Segmentation/trainaug.txt')
train = dict(type='PascalVOCDataset', data_root=data_root, data_prefix=data_prefix,
             ann_file='ImageSets/Segmentation/train.txt')

train_dataloader = dict(
    batch_size=16,  # CPAL Sec. 4.1; a process: with 8 of them 2 each make the batch of 16
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='mmwsss.ImageLabelDataset', dataset=trainaug, label_file=label_file,
                 pipeline=_base_.train_pipeline),
)
seed_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmwsss.ImageLabelDataset', dataset=trainaug, label_file=label_file,
                 pipeline=_base_.tta_pipeline, test_mode=True),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmwsss.ImageLabelDataset', dataset=train, label_file=label_file,
                 pipeline=_base_.test_pipeline, load_masks=True, test_mode=True),
)
test_evaluator = dict(type='mmwsss.SeedMetric')
