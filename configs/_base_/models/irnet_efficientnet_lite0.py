# IRNet on EfficientNet-Lite0: for CPUs.
_base_ = ['./cam_segmentor.py']
model = dict(
    type='mmwsss.IRNet',
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),  # EfficientNet-Lite0
    backbone=dict(type='mmwsss.EfficientNetLite0'),
    in_channels=(24, 24, 40, 112, 320),
    in_indices=(0, 0, 1, 2, 3),  # its stem has stride 2, so the first stage is read twice
    pad_to=256,  # ours: the crop of labelled_images_small.py
)
