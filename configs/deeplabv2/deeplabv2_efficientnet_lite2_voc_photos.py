# deeplabv2_efficientnet_lite0_voc_photos.py with EfficientNet-Lite2.
_base_ = ['./deeplabv2_efficientnet_lite0_voc_photos.py']
model = dict(backbone=dict(type='mmwsss.EfficientNetLite2'))
