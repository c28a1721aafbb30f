# CPF-CTE on toy scenes, on a CPU, with a small hybrid ViT.
_base_ = [
    '../_base_/models/cpf_cte_hybrid_efficientnet_lite0.py',
    '../_base_/datasets/toy_cam.py',
    '../_base_/schedules/cpf_cte_small.py',
    '../_base_/default_runtime.py',
]
custom_imports = dict(imports=['mmwsss.registry', 'mmpretrain.models'], allow_failed_imports=False)
model = dict(cam_head=dict(num_classes=10))
custom_hooks = _base_.custom_hooks + _base_.cpf_cte_hooks
train_pipeline = [  # whole images, as in the paper
    dict(type='mmwsss.LoadImage'),
    dict(type='Resize', scale=(160, 160), keep_ratio=False, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.PackImageLabelInputs'),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(240, 240), keep_ratio=False, interpolation='bicubic')],
            [dict(type='RandomFlip', prob=0.0)],
            [dict(type='mmwsss.PackImageLabelInputs')],
        ],
    ),
]
tta_model = dict(type='mmwsss.ClassTokenTTAModel')
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
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
    dict(type='RefineSeeds', name='pseudo_masks', seeds='seeds', bg_threshold=None, crf='clip_es'),
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/quickstart/deeplabv2_toy.py'),
    dict(type='Test', name='test', model='segmentor'),
]
