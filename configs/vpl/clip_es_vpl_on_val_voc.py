# VPL's first phase on CLIP-ES judged on val, as the paper's Tables 3 to 7 are: fitted to the
# training images by the paper's solver, which the gaps of Tables 4 and 5 depend on; seeds and masks
# of val and its image labels.
_base_ = ['./clip_es_vpl_voc.py']
model = dict(cam_head=dict(prototypes=dict(solver='gradient')))
seed_dataloader = dict(dataset=dict(dataset=_base_.tested_on))
judged_on = _base_.judged_on_val
stages = dict(decoder=None, test=None)
