# CLIP-ES on PASCAL VOC 2012: a frozen CLIP, no training before the segmentor.
_base_ = [
    '../_base_/models/clip_es_vit_b16.py',
    '../_base_/datasets/voc_cam.py',
    '../_base_/datasets/clip_es_pipelines.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(
    # nothing is learnt here; plug-ins look at the images once, one by one
    batch_size=1,
    drop_last=False,
    sampler=dict(shuffle=False),
    dataset=dict(pipeline=_base_.clip_es_pipeline),
)
tta_pipeline = _base_.clip_es_tta_pipeline
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
tta_model = dict(type='mmwsss.CLIPESTTAModel')
judged_on = dict(
    ground_truth=_base_.data_root + '/SegmentationClass',
    ids=_base_.data_root + '/ImageSets/Segmentation/train.txt',
)
pipeline = [
    dict(type='GenerateSeeds', name='seeds'),
    dict(type='EvaluateSeeds', name='seed_scores', seeds='seeds', **judged_on),
    dict(type='RefineSeeds', name='pseudo_masks', seeds='seeds', bg_power=1, crf='clip_es',
         min_confidence=0.95),  # CLIP-ES
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    dict(type='Test', name='test', model='segmentor'),
]
