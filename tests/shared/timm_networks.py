"""The smallest networks of timm of each family: names, and options that make them smaller."""

VIT = {'embed_dim': 24, 'depth': 4, 'num_heads': 2}
# family -> name in timm, options, strides of the four outputs
FAMILIES = {
    'dinov2': ('vit_small_patch14_dinov2', {**VIT, 'img_size': 56}, (14,) * 4),
    'dinov3': ('vit_small_patch16_dinov3', VIT, (16,) * 4),
    'eva02': ('eva02_tiny_patch14_224', {**VIT, 'img_size': 56}, (14,) * 4),
    'siglip2': ('vit_base_patch16_siglip_224', {**VIT, 'img_size': 64}, (16,) * 4),
    'swin': (
        'swin_tiny_patch4_window7_224',
        {'embed_dim': 8, 'depths': (1, 2, 1, 1), 'num_heads': (1, 2, 2, 2)},
        (4, 8, 16, 32),
    ),
    'convnextv2': (
        'convnextv2_atto',
        {'dims': (8, 12, 16, 24), 'depths': (1, 1, 2, 1)},
        (4, 8, 16, 16),
    ),
    'resnet': ('resnet18', {'channels': (8, 12, 16, 24)}, (4, 8, 16, 16)),
    'efficientnet': ('tf_efficientnet_lite0', {}, (4, 8, 16, 16)),
}


def small(family, **options):
    """The config of a small backbone, with random weights."""
    name, sizes, _ = FAMILIES[family]
    return {
        'type': 'mmwsss.TimmFeatures',
        'model': name,
        'options': sizes,
        'pretrained': False,
        **options,
    }
