# DeepLabV2's head on EfficientNet-Lite0 at stride 16: for CPUs.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
        pad_val=127,
        seg_pad_val=255,
        size=(256, 256),
    ),
    backbone=dict(type='mmwsss.EfficientNetLite0', out_stages=(7,)),
    decode_head=dict(
        type='mmwsss.DeepLabV2Head',
        in_channels=320,
        in_index=0,
        dilations=(1, 2, 3, 4),  # ours: images are small
        dropout_ratio=0,
        align_corners=False,
        loss_decode=dict(type='mmwsss.BalancedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
