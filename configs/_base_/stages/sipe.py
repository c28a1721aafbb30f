# walk.py for seeds with a background of their own: their argmax needs no threshold.
stages = dict(
    cam=dict(type='Train'),
    seeds=dict(type='GenerateSeeds', model='cam'),
    seed_scores=dict(type='EvaluateSeeds', seeds='seeds'),
    plain_masks=dict(type='RefineSeeds', seeds='seeds', bg_threshold=None, crf=None),
    plain_scores=dict(type='EvaluateMasks', masks='plain_masks', title='argmax, no CRF'),
    crf_masks=dict(type='RefineSeeds', seeds='seeds', bg_threshold=None),
    crf_scores=dict(type='EvaluateMasks', masks='crf_masks', title='after CRF'),
    # ours, as IRN's: SIPE names none
    ir_labels=dict(type='MakeIRLabels', seeds='seeds', fg_threshold=0.30, bg_threshold=0.05),
    irnet=dict(type='Train', masks='ir_labels', backbone='cam',
               config='configs/irn/irnet_voc.py'),
    walk=dict(type='WalkSeeds', seeds='seeds', model='irnet', source='cam', power=1.5),
    walk_scores=dict(type='EvaluateSeeds', seeds='walk', title='after the walk'),
    # ours, chosen on the training masks
    pseudo_masks=dict(type='RefineSeeds', seeds='walk', bg_threshold='best', scores='walk_scores',
                      crf=None),
    mask_scores=dict(type='EvaluateMasks', masks='pseudo_masks'),
    segmentor=dict(type='Train', masks='pseudo_masks',
                   config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    test=dict(type='Test', model='segmentor'),
)
