# DeepLabV2's head on EfficientNet-Lite0 at stride 16: for CPUs.
_base_ = ['./deeplabv2.py']
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, pad_val=127, size=(256, 256)),
    backbone=dict(type='mmwsss.EfficientNetLite0', out_stages=(7,)),
    decode_head=dict(
        dilations=(1, 2, 3, 4),  # ours: images are small
    ),
)
