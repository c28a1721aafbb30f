# CPF-CTE on toy scenes with a small ViT that learns from nothing, on a CPU. No weights of a ViT can
# be had offline, so this shows that the way works, not how good the method is.
_base_ = [
    '../_base_/models/cpf_cte_vit_b16.py',
    '../_base_/datasets/toy_cam.py',
    '../_base_/schedules/cpf_cte_small.py',
    '../_base_/default_runtime.py',
]
custom_imports = dict(imports=['mmwsss.registry', 'mmpretrain.models'], allow_failed_imports=False)
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=192, num_layers=6, num_heads=3,
                  feedforward_channels=768),
        img_size=160,
        patch_size=8,
        frozen_stages=-1,
        init_cfg=None,
    ),
    cam_head=dict(in_channels=192, num_classes=10, token_channels=32,
                  context=dict(hidden_channels=48)),
)
train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='RandomResize', scale=(192, 192), ratio_range=(0.75, 1.25), resize_type='Resize',
         keep_ratio=True, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsss.RandomPadCrop', crop_size=(160, 160)),
    dict(type='mmwsss.PackImageLabelInputs'),
]
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
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
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
