# CLIP-ES's whole way on 137 photographs with the CLIP of toy size, which has seen drawings of ten
# classes only: that it works, not how well. Run `python tools/train_toy_clip.py` first.
_base_ = [
    '../_base_/models/clip_es_toy.py',
    '../_base_/datasets/voc_mini_cam.py',
    '../_base_/datasets/clip_es_pipelines.py',
    '../_base_/default_runtime.py',
]
model = dict(cam_head=dict(num_classes=20, text=dict(names='voc')))
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
    dict(type='RefineSeeds', name='pseudo_masks', seeds='seeds', bg_threshold='best',
         scores='seed_scores', crf='clip_es'),
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/deeplabv2/deeplabv2_efficientnet_lite0_voc_mini.py'),
    dict(type='Test', name='test', model='segmentor'),
]
