# MCTformer V2 on toy scenes, on a CPU, with a small hybrid ViT.
_base_ = [
    '../_base_/models/mctformer_hybrid_efficientnet_lite0.py',
    '../_base_/datasets/toy_cam.py',
    '../_base_/schedules/mctformer_small.py',
    '../_base_/default_runtime.py',
]
model = dict(backbone=dict(num_classes=10), cam_head=dict(num_classes=10))
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmwsss.PackImageLabelInputs')],
        ],
    ),
]
tta_model = dict(type='mmwsss.MCTformerTTAModel')
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
judged_on = dict(
    ground_truth=_base_.data_root + '/SegmentationClass',
    ids=_base_.data_root + '/ImageSets/Segmentation/train.txt',
)
pipeline = [
    dict(type='Train', name='cam'),
    dict(type='GenerateSeeds', name='seeds', model='cam'),
    dict(type='EvaluateSeeds', name='seed_scores', seeds='seeds', **judged_on),
    dict(type='RefineSeeds', name='crf_masks', seeds='seeds', source='cam', bg_threshold='best',
         scores='seed_scores'),
    dict(type='EvaluateMasks', name='crf_scores', masks='crf_masks', title='after CRF',
         **judged_on),
    # ours, around the best threshold of random seed 7, 0.77
    dict(type='MakeIRLabels', name='ir_labels', seeds='seeds', fg_threshold=0.85,
         bg_threshold=0.6),
    dict(type='Train', name='irnet', masks='ir_labels', config='configs/quickstart/irnet_toy.py'),
    # as far as 256 steps go on a photograph of VOC, whose sides are three times as long
    dict(type='WalkSeeds', name='walk', seeds='seeds', model='irnet', steps=32),
    dict(type='EvaluateSeeds', name='walk_scores', seeds='walk', title='after the walk',
         **judged_on),
    dict(type='RefineSeeds', name='pseudo_masks', seeds='walk', bg_threshold='best',
         scores='walk_scores', crf=None),
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/quickstart/deeplabv2_toy.py'),
    dict(type='Test', name='test', model='segmentor'),
]
