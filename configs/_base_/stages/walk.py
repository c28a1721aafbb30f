# Seeds, boundaries learnt from them (IRNet), random walk, segmentor. The numbers are IRN's.
stages = dict(
    cam=dict(type='Train'),
    seeds=dict(type='GenerateSeeds', model='cam'),
    seed_scores=dict(type='EvaluateSeeds', seeds='seeds'),
    # only for the row "after CRF" of the table
    crf_masks=dict(type='RefineSeeds', seeds='seeds', bg_threshold=0.15),
    crf_scores=dict(type='EvaluateMasks', masks='crf_masks', title='after CRF'),
    ir_labels=dict(type='MakeIRLabels', seeds='seeds', fg_threshold=0.30, bg_threshold=0.05),
    irnet=dict(type='Train', masks='ir_labels', backbone='cam', config='configs/irn/irnet_voc.py'),
    # the pseudo masks of a host alone and of a host with a plug-in come from the same source
    walk=dict(type='WalkSeeds', seeds='seeds', model='irnet', source='cam'),
    walk_scores=dict(type='EvaluateSeeds', seeds='walk', title='after the walk'),
    pseudo_masks=dict(type='RefineSeeds', seeds='walk', bg_threshold=0.25, crf=None),
    mask_scores=dict(type='EvaluateMasks', masks='pseudo_masks'),
    segmentor=dict(type='Train', masks='pseudo_masks',
                   config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    test=dict(type='Test', model='segmentor'),
)
