# IRNet on EfficientNet-Lite0: for CPUs.
_base_ = ['./cam_segmentor.py']
model = dict(
    type='mmwsss.IRNet',
    backbone=dict(type='mmwsss.EfficientNetLite0'),
    in_indices=(0, 0, 1, 2, 3),  # its stem has stride 2, so the first stage is read twice
    pad_to=256,  # ours: the crop of labelled_images_small.py
)
