# CPF-CTE on PASCAL VOC 2012: patch probabilities, CRF, segmentor.
_base_ = [
    '../_base_/models/cpf_cte_vit_b16.py',
    '../_base_/datasets/voc_cam.py',
    '../_base_/datasets/cpf_cte_pipelines.py',
    '../_base_/schedules/cpf_cte_50e.py',
    '../_base_/default_runtime.py',
]
custom_imports = dict(imports=['mmwsss.registry', 'mmpretrain.models'], allow_failed_imports=False)
custom_hooks = _base_.custom_hooks + _base_.cpf_cte_hooks
tta_pipeline = _base_.square_tta_pipeline
tta_model = dict(type='mmwsss.ClassTokenTTAModel')
train_dataloader = dict(dataset=dict(pipeline=_base_.square_train_pipeline))
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.square_test_pipeline))
judged_on = dict(
    ground_truth=_base_.data_root + '/SegmentationClass',
    ids=_base_.data_root + '/ImageSets/Segmentation/train.txt',
)
pipeline = [
    dict(type='Train', name='cam'),
    dict(type='GenerateSeeds', name='seeds', model='cam'),
    dict(type='EvaluateSeeds', name='seed_scores', seeds='seeds', **judged_on),
    # Eq. 10: the seed's own background competes, there is no threshold
    dict(type='RefineSeeds', name='plain_masks', seeds='seeds', bg_threshold=None, crf=None),
    dict(type='EvaluateMasks', name='plain_scores', masks='plain_masks', title='argmax, no CRF',
         **judged_on),
    # the paper names no numbers of its CRF; ViT-PCM's takes probabilities too
    dict(type='RefineSeeds', name='pseudo_masks', seeds='seeds', bg_threshold=None, crf='clip_es'),
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    dict(type='Test', name='test', model='segmentor'),
]
