# IRN on PASCAL VOC 2012: CAMs, boundaries learnt from them, random walk, segmentor.
_base_ = [
    '../_base_/models/irn_resnet50.py',
    '../_base_/datasets/voc_cam.py',
    '../_base_/schedules/cam_5e.py',
    '../_base_/default_runtime.py',
]
judged_on = dict(
    ground_truth=_base_.data_root + '/SegmentationClass',
    ids=_base_.data_root + '/ImageSets/Segmentation/train.txt',
)
pipeline = [
    dict(type='Train', name='cam'),
    dict(type='GenerateSeeds', name='seeds', model='cam'),
    dict(type='EvaluateSeeds', name='seed_scores', seeds='seeds', **judged_on),
    # only for the row "after CRF" of the table
    dict(type='RefineSeeds', name='crf_masks', seeds='seeds', bg_threshold=0.15),
    dict(type='EvaluateMasks', name='crf_scores', masks='crf_masks', title='after CRF',
         **judged_on),
    dict(type='MakeIRLabels', name='ir_labels', seeds='seeds', fg_threshold=0.30,
         bg_threshold=0.05),
    dict(type='Train', name='irnet', masks='ir_labels', backbone='cam',
         config='configs/irn/irnet_voc.py'),
    # the pseudo masks of a host alone and of a host with a plug-in come from the same source
    dict(type='WalkSeeds', name='walk', seeds='seeds', model='irnet', source='cam',
         full_size=True),
    dict(type='EvaluateSeeds', name='walk_scores', seeds='walk', title='after the walk',
         **judged_on),
    dict(type='RefineSeeds', name='pseudo_masks', seeds='walk', bg_threshold=0.25, crf=None),
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    dict(type='Test', name='test', model='segmentor'),
]
