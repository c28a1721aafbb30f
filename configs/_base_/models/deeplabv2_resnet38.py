# DeepLabV2's head on the wide ResNet38 at stride 8, batch norm frozen.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(448, 448),
    ),
    backbone=dict(
        type='mmwsss.ResNet38',
        # its ImageNet weights; another file: model.backbone.init_cfg.checkpoint=PATH
        init_cfg=dict(type='Pretrained',
                      checkpoint='{{$MMWSSS_DATA:data}}/pretrained/resnet38_imagenet.pth'),
    ),
    decode_head=dict(
        type='mmwsss.DeepLabV2Head',
        in_channels=4096,
        in_index=0,
        dropout_ratio=0,
        align_corners=False,
        loss_decode=dict(type='mmwsss.BalancedCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
