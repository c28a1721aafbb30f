# VPL's decoder on toy scenes, on a CPU, with a small CLIP whose file says what it is.
_base_ = ['../vpl/vpl_decoder_voc.py']
model = dict(
    data_preprocessor=dict(
        mean=[127.0, 127.0, 127.0],  # EfficientNet-Lite0's, which makes the small CLIP's patches
        std=[128.0, 128.0, 128.0],
        size=(160, 160),
    ),
    backbone=dict(model_name=None, pretrained='work_dirs/toy_clip/clip.pth',
                  out_indices=tuple(range(4))),
    decode_head=dict(
        in_channels=[96] * 4,  # all blocks of the small CLIP but the last
        num_classes=11,
        embed_dims=128,
        channels=64,
        num_heads=4,
    ),
)
max_epochs = 10
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='PolyLR', power=1.0, eta_min=0.0, begin=0, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
data_root = '{{$MMWSSS_DATA:data}}/toy_scenes'
data_prefix = dict(img_path='JPEGImages', seg_map_path='SegmentationClass')
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.75, 1.25), resize_type='Resize',
         keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.RandomPadCrop', crop_size=(160, 160)),
    dict(type='mmwsss.PackImageLabelInputs'),
]
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=scale, keep_ratio=True) for scale in (1.0, 1.5)],
            [dict(type='ResizeToMultiple', size_divisor=16)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
# On so few images no class is ever unlikely enough for 1e-3.
tta_model = dict(min_probability=0.05)
seed_pipeline = [
    tta_pipeline[0],
    dict(type='TestTimeAug', transforms=[*tta_pipeline[1]['transforms'][:3],
                                         [dict(type='mmwsss.PackImageLabelInputs')]]),
]
train = dict(_delete_=True, type='mmwsss.ToySceneDataset', data_root=data_root,
             data_prefix=data_prefix, ann_file='ImageSets/Segmentation/train.txt')
label_file = data_root + '/image_labels.json'
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(dataset=train, label_file=label_file, pipeline=train_pipeline),
)
seed_dataloader = dict(
    num_workers=0,
    dataset=dict(dataset=train, label_file=label_file, pipeline=seed_pipeline),
)
test_dataloader = dict(
    num_workers=0,
    dataset=dict(_delete_=True, type='mmwsss.ToySceneDataset', data_root=data_root,
                 data_prefix=data_prefix, ann_file='ImageSets/Segmentation/val.txt',
                 pipeline=_base_.test_pipeline),
)
