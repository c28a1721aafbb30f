# IRNet: class boundaries and displacements on a frozen ResNet-50 at stride 16 without dilation.
_base_ = ['./cam_segmentor.py']
model = dict(
    type='mmwsss.IRNet',
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
)
