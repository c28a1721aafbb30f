# VPL's first phase on CLIP-ES judged on val, as the paper's Tables 3 to 7 are: fitted to the
# training images, seeds and masks of val and its image labels.
_base_ = ['./clip_es_vpl_voc.py']
seed_dataloader = dict(dataset=dict(dataset=_base_.tested_on))
judged_on = _base_.judged_on_val
stages = dict(decoder=None, test=None)
