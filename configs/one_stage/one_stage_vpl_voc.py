# One stage with VPL: a pass over the images fits its vision prototypes, and one training follows.
_base_ = ['../vpl/clip_es_vpl_voc.py']
stages = dict(
    seed_scores=None,
    decoder=dict(masks=None, config='configs/one_stage/one_stage_prototypes_voc.py'),
    seeds=dict(model='decoder'),
    pseudo_masks=dict(bg_power=None, bg_threshold=None, min_confidence=0.7),
)
