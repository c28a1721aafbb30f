# EVA-02, ViT-S/14: learnt CLIP's features of masked patches, on ImageNet-22k.
_base_ = ['../schedules/layer_decay.py']
backbone = dict(
    _delete_=True, type='mmwsss.TimmFeatures', model='eva02_small_patch14_224.mim_in22k'
)
backbone_optim = _base_.layer_decay_optim
