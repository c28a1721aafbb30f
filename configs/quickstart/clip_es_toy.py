# CLIP-ES on toy scenes with the CLIP of toy size: run `python tools/train_toy_clip.py` first.
_base_ = [
    '../_base_/models/clip_es_toy.py',
    '../_base_/datasets/toy_cam.py',
    '../_base_/datasets/clip_es_pipelines.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=1, drop_last=False, sampler=dict(shuffle=False),
                        dataset=dict(pipeline=_base_.clip_es_pipeline))
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
    # thresholds are chosen on the training masks, as those of the other hosts
    dict(type='RefineSeeds', name='pseudo_masks', seeds='seeds', bg_threshold='best',
         scores='seed_scores', crf='clip_es'),
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/quickstart/deeplabv2_toy.py'),
    dict(type='Test', name='test', model='segmentor'),
]
