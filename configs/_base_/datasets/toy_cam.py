# Toy scenes (tools/make_toy_scenes.py) with image labels.
_base_ = ['./cam_pipelines_toy.py']
data_root = '{{$MMWSSS_DATA:data}}/toy_scenes'
label_file = data_root + '/image_labels.json'
train = dict(type='mmwsss.ToySceneDataset', data_root=data_root,
             data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
             ann_file='ImageSets/Segmentation/train.txt')
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='mmwsss.ImageLabelDataset', dataset=train, label_file=label_file,
                 pipeline=_base_.train_pipeline),
)
seed_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmwsss.ImageLabelDataset', dataset=train, label_file=label_file,
                 pipeline=_base_.tta_pipeline, test_mode=True),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmwsss.ImageLabelDataset', dataset=train, label_file=label_file,
                 pipeline=_base_.test_pipeline, load_masks=True, test_mode=True),
)
test_evaluator = dict(type='mmwsss.SeedMetric')
