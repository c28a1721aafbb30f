# The classification network of IRN: ResNet-50 at stride 16 without dilation.
_base_ = ['./cam_segmentor.py']
model = dict(
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
    cam_head=dict(type='mmwsss.LinearCAMHead'),
)
