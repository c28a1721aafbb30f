# The last stage on toy scenes, on a CPU.
_base_ = ['../deeplabv2/deeplabv2_efficientnet_lite0_voc_mini.py']
model = dict(
    data_preprocessor=dict(size=(160, 160)),
    decode_head=dict(num_classes=11),
)
max_epochs = 4  # for the ten minutes of the quickstart
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
data_root = '{{$MMWSSS_DATA:data}}/toy_scenes'
data_prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClass')
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.75, 1.25), resize_type='Resize',
         keep_ratio=True),
    dict(type='RandomCrop', crop_size=(160, 160)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=scale, keep_ratio=True) for scale in (1.0, 1.5)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
train_dataloader = dict(
    dataset=dict(
        dataset=dict(_delete_=True, type='mmwsss.ToySceneDataset', data_root=data_root,
                     data_prefix=data_prefix, ann_file='ImageSets/Segmentation/train.txt'),
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    dataset=dict(_delete_=True, type='mmwsss.ToySceneDataset', data_root=data_root,
                 data_prefix=data_prefix, ann_file='ImageSets/Segmentation/val.txt',
                 pipeline=_base_.test_pipeline),
)
