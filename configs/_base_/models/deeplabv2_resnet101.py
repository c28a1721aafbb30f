# DeepLabV2: ResNet-101 at stride 8, batch norm frozen, four dilated classifiers.
# ImageNet weights: a network pre-trained on COCO masks would not be weakly supervised.
_base_ = ['./deeplabv2.py']
model = dict(
    data_preprocessor=dict(size=(321, 321)),
    backbone=dict(
        type='ResNet',
        depth=101,
        num_stages=4,
        out_indices=(3,),
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet101'),
    ),
    decode_head=dict(in_channels=2048),
)
