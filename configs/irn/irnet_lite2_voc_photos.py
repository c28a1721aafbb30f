# irnet_voc_photos.py with EfficientNet-Lite2.
_base_ = ['./irnet_voc_photos.py']
model = dict(backbone=dict(type='mmwsss.EfficientNetLite2'))
