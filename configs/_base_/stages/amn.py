# A plain classification network makes the ir_labels that AMN learns from; AMN's maps are the seeds
# of boundaries, random walk and segmentor. The numbers are AMN's.
stages = dict(
    cam=dict(type='Train', config='configs/irn/irn_voc.py'),
    cam_seeds=dict(type='GenerateSeeds', model='cam'),
    cam_scores=dict(type='EvaluateSeeds', seeds='cam_seeds', title='plain CAM'),
    ir_labels=dict(type='MakeIRLabels', seeds='cam_seeds', fg_threshold=0.30, bg_threshold=0.05),
    amn=dict(type='Train', masks='ir_labels'),
    seeds=dict(type='GenerateSeeds', model='amn', masks='ir_labels'),
    seed_scores=dict(type='EvaluateSeeds', seeds='seeds'),
    # only for the row "after CRF" of the table
    crf_masks=dict(type='RefineSeeds', seeds='seeds', bg_threshold=0.25),
    crf_scores=dict(type='EvaluateMasks', masks='crf_masks', title='after CRF'),
    amn_ir_labels=dict(type='MakeIRLabels', seeds='seeds', fg_threshold=0.45, bg_threshold=0.15),
    irnet=dict(type='Train', masks='amn_ir_labels', backbone='cam',
               config='configs/irn/irnet_voc.py'),
    walk=dict(type='WalkSeeds', seeds='seeds', model='irnet', source='cam', power=1.3),
    walk_scores=dict(type='EvaluateSeeds', seeds='walk', title='after the walk'),
    pseudo_masks=dict(type='RefineSeeds', seeds='walk', bg_threshold=0.25, crf=None),
    mask_scores=dict(type='EvaluateMasks', masks='pseudo_masks'),
    segmentor=dict(type='Train', masks='pseudo_masks',
                   config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    test=dict(type='Test', model='segmentor'),
)
