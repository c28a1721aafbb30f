# IRN's classification network on PASCAL VOC 2012; refined by CRF.
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
    # the pseudo masks of a host alone and of a host with a plug-in come from the same source
    dict(type='RefineSeeds', name='pseudo_masks', seeds='seeds', source='cam', bg_threshold=0.15),
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    dict(type='Test', name='test', model='segmentor'),
]
