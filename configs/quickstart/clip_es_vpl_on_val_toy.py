# VPL's first phase on CLIP-ES judged on val, toy scenes.
_base_ = ['./clip_es_vpl_toy.py']
seed_dataloader = dict(dataset=dict(dataset=_base_.tested_on))
judged_on = _base_.judged_on_val
stages = dict(decoder=None, test=None)
