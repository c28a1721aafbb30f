# AMN on toy scenes, on a CPU.
_base_ = ['../_base_/models/amn_efficientnet_lite0.py', '../_base_/datasets/toy_cam.py',
          '../_base_/datasets/ir_labels_toy.py', '../_base_/schedules/amn_small.py',
          '../_base_/stages/amn.py', '../_base_/default_runtime.py']
tta_pipeline = [
    _base_.load,
    # the ir_label stays in the size of the image
    dict(type='mmwsss.MultiScaleFlip', scales=(1.0, 1.5), annotations=True),
]
ir_labels = 'work_dirs/amn_toy/ir_labels/masks'  # a run sets it to those it made
train_dataloader = dict(dataset=dict(mask_dir=ir_labels, pipeline=_base_.ir_label_train_pipeline))
seed_dataloader = dict(dataset=dict(mask_dir=ir_labels, pipeline=tta_pipeline))
test_dataloader = dict(dataset=dict(mask_dir=ir_labels))
stages = dict(
    cam=dict(config='configs/quickstart/irn_toy.py'),
    ir_labels=dict(fg_threshold=0.55, bg_threshold=0.4),
    # the thresholds are chosen on the training masks, as published numbers are
    crf_masks=dict(bg_threshold='best', scores='seed_scores'),
    amn_ir_labels=dict(fg_threshold=0.55, bg_threshold=0.3),
    irnet=dict(config='configs/quickstart/irnet_toy.py'),
    # as far as 256 steps go on a photograph of VOC, whose sides are three times as long
    walk=dict(steps=32, power=1.0),
    pseudo_masks=dict(bg_threshold='best', scores='walk_scores'),
    segmentor=dict(config='configs/quickstart/deeplabv2_toy.py'),
)
