# VPL's decoder on 137 photographs, on a CPU, with the CLIP of toy size.
_base_ = ['../quickstart/vpl_decoder_toy.py']
model = dict(data_preprocessor=dict(size=(256, 256)), decode_head=dict(num_classes=21))
data_root = '{{$MMWSSS_DATA:data}}/voc_mini'
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(256, 256), ratio_range=(0.8, 1.5), resize_type='Resize',
         keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.RandomPadCrop', crop_size=(256, 256)),
    dict(type='mmwsss.PackImageLabelInputs'),
]
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=scale, keep_ratio=True) for scale in (0.5, 0.75)],
            [dict(type='ResizeToMultiple', size_divisor=16)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
seed_pipeline = [
    tta_pipeline[0],
    dict(type='TestTimeAug', transforms=[*tta_pipeline[1]['transforms'][:3],
                                         [dict(type='mmwsss.PackImageLabelInputs')]]),
]
train = dict(_delete_=True, type='PascalVOCDataset', data_root=data_root,
             data_prefix=_base_.data_prefix, ann_file='ImageSets/Segmentation/train.txt')
label_file = data_root + '/image_labels.txt'
train_dataloader = dict(
    dataset=dict(dataset=train, label_file=label_file, pipeline=train_pipeline),
)
seed_dataloader = dict(
    dataset=dict(dataset=train, label_file=label_file, pipeline=seed_pipeline),
)
test_dataloader = dict(
    dataset=dict(_delete_=True, type='PascalVOCDataset', data_root=data_root,
                 data_prefix=_base_.data_prefix, ann_file='ImageSets/Segmentation/val.txt',
                 pipeline=_base_.test_pipeline),
)
