# ResNet-18 of torchvision, ImageNet-1k, at stride 16.
backbone = dict(
    _delete_=True,
    type='mmwsss.TimmFeatures',
    model='resnet18.tv_in1k',
    frozen_stages=2,  # IRN
)
