# A small CLIP on toy scenes, on a CPU, in minutes: `python tools/train_toy_clip.py` writes the
# scenes and the masks that this config reads, and runs it. All numbers are ours.
_base_ = ['../_base_/default_runtime.py']
data_root = '{{$MMWSSS_DATA:data}}/toy_clip/scenes'
mask_dir = '{{$MMWSSS_DATA:data}}/toy_clip/evidence_masks'
num_images = 1500
scene_seed = 1000  # far from the seeds of toy scenes that anything is measured on
names = ['cat', 'dog', 'horse', 'cow', 'bird', 'car', 'bus', 'train', 'boat', 'aeroplane']
background = ['ground', 'land', 'grass', 'tree', 'building', 'wall', 'sky', 'lake', 'water',
              'river', 'sea', 'railway', 'railroad', 'keyboard', 'helmet', 'cloud', 'house',
              'mountain', 'ocean', 'road', 'rock', 'street', 'valley', 'bridge', 'sign']
templates = ['a clean origami {}.', 'itap of a {}.', 'a bad photo of the {}.', 'a origami {}.',
             'a photo of the large {}.', 'a {} in a video game.', 'art of the {}.',
             'a photo of the small {}.', 'a photo of a {}.']
size = (160, 160)
model = dict(
    type='mmwsss.CLIPPretrainer',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[122.771, 116.746, 104.094],  # CLIP's
        std=[68.501, 66.632, 70.323],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=size,
    ),
    architecture=dict(
        embed_dim=128,
        quick_gelu=True,
        vision_cfg=dict(image_size=160, patch_size=16, width=96, head_width=24, layers=9,
                        pool_type='avg', pos_embed_type='sin_cos_2d'),
        text_cfg=dict(context_length=16, vocab_size=49408, width=32, heads=1, layers=2),
    ),
    trained_blocks=3,
    names=names,
    background=background,
    templates=templates,
)
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.85, 1.4), resize_type='Resize',
         keep_ratio=True, interpolation='bilinear'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.RandomPadCrop', crop_size=size),
    dict(type='mmwsss.AddCaption', names=names, background=background, templates=templates),
    dict(type='mmwsss.PackImageLabelInputs',
         meta_keys=('img_id', 'img_path', 'img_shape', 'caption', 'caption_label', 'shown_label')),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmwsss.ImageLabelDataset',
        dataset=dict(type='mmwsss.ToySceneDataset', data_root=data_root,
                     data_prefix=dict(img_path='JPEGImages'),
                     ann_file='ImageSets/Segmentation/train.txt'),
        label_file=data_root + '/image_labels.json',
        mask_dir=mask_dir,
        pipeline=train_pipeline,
    ),
)
max_epochs = 10
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.5e-3, betas=(0.9, 0.98), weight_decay=0.1),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0,
                       custom_keys=dict(embedding=dict(decay_mult=0.0),
                                        logit_scale=dict(decay_mult=0.0))),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', eta_min=0.0, begin=0, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
