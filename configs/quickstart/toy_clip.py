# A CLIP of toy size, trained on image labels of other toy scenes, on a CPU, in minutes:
# `python tools/train_toy_clip.py` writes the scenes and runs this config. All numbers are ours.
_base_ = ['../_base_/default_runtime.py']
data_root = '{{$MMWSSS_DATA:data}}/toy_clip/scenes'
num_images = 1000
scene_seed = 1000  # far from the seeds of toy scenes that anything is measured on
names = ['cat', 'dog', 'horse', 'cow', 'bird', 'car', 'bus', 'train', 'boat', 'aeroplane']
background = ['ground', 'land', 'grass', 'tree', 'building', 'wall', 'sky', 'lake', 'water',
              'river', 'sea', 'railway', 'railroad', 'keyboard', 'helmet', 'cloud', 'house',
              'mountain', 'ocean', 'road', 'rock', 'street', 'valley', 'bridge', 'sign']
templates = ['a photo of a {}.', 'a clean origami {}.', 'itap of a {}.', 'a bad photo of the {}.',
             'a origami {}.', 'a photo of the large {}.', 'a {} in a video game.',
             'art of the {}.', 'a photo of the small {}.']
model = dict(
    type='mmwsss.CLIPPretrainer',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        size=(160, 160),
        mean=[127.0, 127.0, 127.0],  # EfficientNet-Lite0's
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
    ),
    architecture=dict(
        embed_dim=128,
        quick_gelu=True,
        patches='efficientnet_lite0',
        vision_cfg=dict(image_size=160, patch_size=16, width=96, head_width=32, layers=5,
                        mlp_ratio=2.0, ls_init_value=0.05, pool_type='avg'),
        text_cfg=dict(context_length=20, vocab_size=49408, width=64, heads=2, layers=1),
    ),
    names=names,
    background=background,
    templates=templates,
)
train_pipeline = [dict(type='mmwsss.LoadImage'),
                  dict(type='Resize', scale=(160, 160), keep_ratio=False, interpolation='area'),
                  dict(type='RandomFlip', prob=0.5), dict(type='mmwsss.PackImageLabelInputs')]
train_dataloader = dict(
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmwsss.ImageLabelDataset',
        dataset=dict(type='mmwsss.ToySceneDataset', data_root=data_root,
                     data_prefix=dict(img_path='JPEGImages'),
                     ann_file='ImageSets/Segmentation/train.txt'),
        label_file=data_root + '/image_labels.json',
        pipeline=train_pipeline,
    ),
)
total_batch_size = 32
max_epochs = 10
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0,
                       custom_keys=dict(logit_scale=dict(decay_mult=0.0),
                                        class_embedding=dict(decay_mult=0.0))),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.03, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', eta_min=0.0, begin=0, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
