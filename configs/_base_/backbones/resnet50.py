# ResNet-50 of torchvision, ImageNet-1k, at stride 16.
backbone = dict(
    _delete_=True,
    type='mmwsss.TimmFeatures',
    model='resnet50.tv_in1k',
    frozen_stages=2,  # IRN
)
