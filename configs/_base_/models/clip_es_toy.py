# CLIP-ES on the CLIP of toy size that tools/train_toy_clip.py makes: a hybrid ViT of patch 16.
toy_clip = 'work_dirs/toy_clip/clip.pth'
toy_names = ('cat', 'dog', 'horse', 'cow', 'bird', 'car', 'bus', 'train', 'boat', 'aeroplane')
# in several processes: DDP refuses a model in which nothing learns
model_wrapper_cfg = dict(type='mmwsss.FrozenModelWrapper')
model = dict(
    type='mmwsss.CAMSegmentor',
    data_preprocessor=dict(
        type='mmwsss.CAMDataPreProcessor',
        mean=[127.0, 127.0, 127.0],  # EfficientNet-Lite0's
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
        size_divisor=1,
    ),
    backbone=dict(type='mmwsss.CLIPESBackbone', model_name=None, pretrained=toy_clip,
                  num_attention_blocks=4),
    cam_head=dict(
        type='mmwsss.CLIPESHead',
        embed_dims=128,
        text=dict(names=toy_names),
    ),
)
