# DeepLabV2's head on the wide ResNet38 at stride 8, batch norm frozen.
_base_ = ['./deeplabv2.py']
model = dict(
    data_preprocessor=dict(size=(448, 448)),
    backbone=dict(
        type='mmwsss.ResNet38',
        # its ImageNet weights; another file: model.backbone.init_cfg.checkpoint=PATH
        init_cfg=dict(type='Pretrained',
                      checkpoint='{{$MMWSSS_DATA:data}}/pretrained/resnet38_imagenet.pth'),
    ),
    decode_head=dict(in_channels=4096),
)
