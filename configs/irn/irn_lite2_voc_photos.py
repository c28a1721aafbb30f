# irn_voc_photos.py with EfficientNet-Lite2 in the place of Lite0, in all of its networks.
_base_ = ['./irn_voc_photos.py']
model = dict(backbone=dict(type='mmwsss.EfficientNetLite2'))
stages = dict(
    irnet=dict(config='configs/irn/irnet_lite2_voc_photos.py'),
    segmentor=dict(config='configs/deeplabv2/deeplabv2_efficientnet_lite2_voc_photos.py'),
)
