# One stage with VPL, toy scenes.
_base_ = ['./clip_es_vpl_toy.py']
stages = dict(
    seed_scores=None,
    decoder=dict(masks=None, config='configs/quickstart/one_stage_prototypes_toy.py'),
    seeds=dict(model='decoder'),
    pseudo_masks=dict(bg_threshold=None, scores=None),
)
