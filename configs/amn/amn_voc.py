# AMN on PASCAL VOC 2012: a segmentation network that learns from the ir_labels of another host's
# CAMs, and whose softmax maps are the seeds.
_base_ = [
    '../_base_/models/amn_resnet50.py',
    '../_base_/datasets/voc_cam.py',
    '../_base_/datasets/ir_label_pipelines.py',
    '../_base_/schedules/amn_5e.py',
    '../_base_/default_runtime.py',
]
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=scale, keep_ratio=True, interpolation='bicubic')
             for scale in (1.0, 0.5, 1.5, 2.0)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='LoadAnnotations')],  # the ir_label stays in the size of the image
            [dict(type='mmwsss.PackImageLabelInputs')],
        ],
    ),
]
tta_model = dict(type='mmwsss.AMNTTAModel')
ir_labels = 'work_dirs/amn_voc/ir_labels/masks'  # run_pipeline sets it to those it made
train_dataloader = dict(
    dataset=dict(mask_dir=ir_labels, pipeline=_base_.ir_label_train_pipeline)
)
seed_dataloader = dict(dataset=dict(mask_dir=ir_labels, pipeline=tta_pipeline))
test_dataloader = dict(dataset=dict(mask_dir=ir_labels))
judged_on = dict(
    ground_truth=_base_.data_root + '/SegmentationClass',
    ids=_base_.data_root + '/ImageSets/Segmentation/train.txt',
)
pipeline = [
    # a plain classification network makes the ir_labels that AMN learns from
    dict(type='Train', name='cam', config='configs/irn/irn_voc.py'),
    dict(type='GenerateSeeds', name='cam_seeds', model='cam'),
    dict(type='EvaluateSeeds', name='cam_scores', seeds='cam_seeds', title='plain CAM',
         **judged_on),
    dict(type='MakeIRLabels', name='ir_labels', seeds='cam_seeds', fg_threshold=0.30,
         bg_threshold=0.05),
    dict(type='Train', name='amn', masks='ir_labels'),
    dict(type='GenerateSeeds', name='seeds', model='amn', masks='ir_labels'),
    dict(type='EvaluateSeeds', name='seed_scores', seeds='seeds', **judged_on),
    # only for the row "after CRF" of the table
    dict(type='RefineSeeds', name='crf_masks', seeds='seeds', bg_threshold=0.25),
    dict(type='EvaluateMasks', name='crf_scores', masks='crf_masks', title='after CRF',
         **judged_on),
    dict(type='MakeIRLabels', name='amn_ir_labels', seeds='seeds', fg_threshold=0.45,
         bg_threshold=0.15),
    dict(type='Train', name='irnet', masks='amn_ir_labels', backbone='cam',
         config='configs/irn/irnet_voc.py'),
    dict(type='WalkSeeds', name='walk', seeds='seeds', model='irnet', source='cam', power=1.3,
         full_size=True),
    dict(type='EvaluateSeeds', name='walk_scores', seeds='walk', title='after the walk',
         **judged_on),
    dict(type='RefineSeeds', name='pseudo_masks', seeds='walk', bg_threshold=0.25, crf=None),
    dict(type='EvaluateMasks', name='mask_scores', masks='pseudo_masks', **judged_on),
    dict(type='Train', name='segmentor', masks='pseudo_masks',
         config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    dict(type='Test', name='test', model='segmentor'),
]
