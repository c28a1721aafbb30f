# ConvNeXt V2-T at stride 16: masked autoencoder, then labels of ImageNet-22k and -1k.
_base_ = ['../schedules/layer_decay.py']
backbone = dict(
    _delete_=True, type='mmwsss.TimmFeatures', model='convnextv2_tiny.fcmae_ft_in22k_in1k'
)
backbone_optim = _base_.layer_decay_optim
