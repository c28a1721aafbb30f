# MCTformer V2's way on 137 photographs with a small hybrid ViT, on a CPU, in minutes.
_base_ = [
    '../_base_/models/mctformer_hybrid_efficientnet_lite0.py',
    '../_base_/datasets/voc_mini_cam.py',
    '../_base_/schedules/mctformer_small.py',
    '../_base_/default_runtime.py',
]
model = dict(backbone=dict(img_size=256))
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            # photographs of 500 pixels a side, as large as in training
            [dict(type='Resize', scale_factor=0.75, keep_ratio=True, interpolation='bicubic')],
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
    dict(type='MakeIRLabels', name='ir_labels', seeds='seeds', fg_threshold=0.55,
         bg_threshold=0.3),
    dict(type='Train', name='irnet', masks='ir_labels', config='configs/irn/irnet_voc_mini.py'),
    # as far as 256 steps go on a grid of twice the sides
    dict(type='WalkSeeds', name='walk', seeds='seeds', model='irnet', steps=64),
    dict(type='EvaluateSeeds', name='walk_scores', seeds='walk', title='after the walk',
         **judged_on),
    dict(type='RefineSeeds', name='pseudo_masks', seeds='walk', bg_threshold='best',
         scores='walk_scores', crf=None),
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/deeplabv2/deeplabv2_efficientnet_lite0_voc_mini.py'),
    dict(type='Test', name='test', model='segmentor'),
]
