# SigLIP 2, ViT-B/16: images and texts of the web.
_base_ = ['../schedules/layer_decay.py']
backbone = dict(
    _delete_=True, type='mmwsss.TimmFeatures', model='vit_base_patch16_siglip_224.v2_webli'
)
backbone_optim = _base_.layer_decay_optim
