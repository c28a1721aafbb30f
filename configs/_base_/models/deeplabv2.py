# DeepLabV2: four dilated classifiers on a backbone; ImageNet's colours.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    decode_head=dict(
        type='mmwsss.DeepLabV2Head',
        in_index=0,
        dropout_ratio=0,
        align_corners=False,
        loss_decode=dict(type='mmwsss.BalancedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
