# IRNet: class boundaries and displacements on a frozen ResNet-50 at stride 16 without dilation.
model = dict(
    type='mmwsss.IRNet',
    data_preprocessor=dict(
        type='mmwsss.CAMDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=1,  # to the size of the largest image of a batch
    ),
    backbone=dict(
        type='mmwsss.ResNetWithStem',
        depth=50,
        num_stages=4,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 1),
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    in_channels=(64, 256, 512, 1024, 2048),
)
