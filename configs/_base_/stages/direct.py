# Seeds of a network that is not trained, CRF, segmentor. The numbers are CLIP-ES's.
stages = dict(
    seeds=dict(type='GenerateSeeds'),
    seed_scores=dict(type='EvaluateSeeds', seeds='seeds'),
    pseudo_masks=dict(type='RefineSeeds', seeds='seeds', bg_power=1, crf='clip_es',
                      min_confidence=0.95),
    mask_scores=dict(type='EvaluateMasks', masks='pseudo_masks'),
    segmentor=dict(type='Train', masks='pseudo_masks',
                   config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    test=dict(type='Test', model='segmentor'),
)
