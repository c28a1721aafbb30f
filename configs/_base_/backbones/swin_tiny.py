# Swin-T, ImageNet-1k: a pyramid of windows down to stride 32.
_base_ = ['../schedules/layer_decay.py']
backbone = dict(
    _delete_=True, type='mmwsss.TimmFeatures', model='swin_tiny_patch4_window7_224.ms_in1k'
)
backbone_optim = _base_.layer_decay_optim
