# The classification network of IRN: ResNet-50 at stride 16 without dilation.
model = dict(
    type='mmwsss.CAMSegmentor',
    data_preprocessor=dict(
        type='mmwsss.CAMDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=1,  # to the size of the largest image of a batch
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 1),
        frozen_stages=2,  # IRN detaches the features after layer2
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,  # IRN: batch norm always uses its running statistics
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    cam_head=dict(type='mmwsss.LinearCAMHead', in_channels=2048),
)
