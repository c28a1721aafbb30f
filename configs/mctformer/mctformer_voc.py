# MCTformer V2 on PASCAL VOC 2012: maps of a ViT with class tokens, boundaries learnt from them,
# random walk, segmentor.
_base_ = [
    '../_base_/models/mctformer_deit_small.py',
    '../_base_/datasets/voc_cam.py',
    '../_base_/datasets/mctformer_pipelines.py',
    '../_base_/schedules/mctformer_60e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(
    batch_size=64,  # MCTformer; in all processes together
    dataset=dict(pipeline=_base_.mctformer_train_pipeline),
)
tta_pipeline = _base_.mctformer_tta_pipeline
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
tta_model = dict(type='mmwsss.MCTformerTTAModel')
judged_on = dict(
    ground_truth=_base_.data_root + '/SegmentationClass',
    ids=_base_.data_root + '/ImageSets/Segmentation/train.txt',
)
pipeline = [
    dict(type='Train', name='cam'),
    dict(type='GenerateSeeds', name='seeds', model='cam'),
    dict(type='EvaluateSeeds', name='seed_scores', seeds='seeds', **judged_on),
    # MCTformer publishes no threshold: it is chosen on the training masks, as its numbers are
    dict(type='RefineSeeds', name='crf_masks', seeds='seeds', source='cam', bg_threshold='best',
         scores='seed_scores'),
    dict(type='EvaluateMasks', name='crf_scores', masks='crf_masks', title='after CRF',
         **judged_on),
    # ours; tools/search_thresholds.py finds others
    dict(type='MakeIRLabels', name='ir_labels', seeds='seeds', fg_threshold=0.55,
         bg_threshold=0.3),
    # MCTformer trains PSA's AffinityNet, on a ResNet38; this is IRN's second network, on ImageNet
    # weights: a ViT has no stages for it to read
    dict(type='Train', name='irnet', masks='ir_labels', config='configs/irn/irnet_voc.py'),
    dict(type='WalkSeeds', name='walk', seeds='seeds', model='irnet', source='cam',
         full_size=True),
    dict(type='EvaluateSeeds', name='walk_scores', seeds='walk', title='after the walk',
         **judged_on),
    dict(type='RefineSeeds', name='pseudo_masks', seeds='walk', bg_threshold='best',
         scores='walk_scores', crf=None),
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/deeplabv2/deeplabv2_resnet38_voc.py'),
    dict(type='Test', name='test', model='segmentor'),
]
