# Patch probabilities with a background of their own, CRF, segmentor.
stages = dict(
    cam=dict(type='Train'),
    seeds=dict(type='GenerateSeeds', model='cam'),
    seed_scores=dict(type='EvaluateSeeds', seeds='seeds'),
    # Eq. 10: the seed's own background competes, there is no threshold
    plain_masks=dict(type='RefineSeeds', seeds='seeds', bg_threshold=None, crf=None),
    plain_scores=dict(type='EvaluateMasks', masks='plain_masks', title='argmax, no CRF'),
    # the paper names no numbers of its CRF; ViT-PCM's takes probabilities too
    pseudo_masks=dict(type='RefineSeeds', seeds='seeds', bg_threshold=None, crf='clip_es'),
    mask_scores=dict(type='EvaluateMasks', masks='pseudo_masks'),
    segmentor=dict(type='Train', masks='pseudo_masks',
                   config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    test=dict(type='Test', model='segmentor'),
)
