# AMN on 1,726 photographs of VOC, on a CPU.
_base_ = ['../_base_/models/amn_efficientnet_lite0.py', '../_base_/datasets/voc_photos_cam.py',
          '../_base_/datasets/ir_labels_small.py', '../_base_/schedules/amn_small.py',
          '../_base_/stages/amn.py', '../_base_/default_runtime.py']
max_epochs = 5  # as the plain classification network
train_cfg = dict(max_epochs=max_epochs)
tta_pipeline = [
    _base_.load,
    # the ir_label stays in the size of the image
    dict(type='mmwsss.MultiScaleFlip', scales=(1.0,), annotations=True),
]
ir_labels = 'work_dirs/amn_voc_photos/ir_labels/masks'  # a run sets it to those it made
train_dataloader = dict(dataset=dict(mask_dir=ir_labels, pipeline=_base_.ir_label_train_pipeline))
seed_dataloader = dict(dataset=dict(mask_dir=ir_labels, pipeline=tta_pipeline))
test_dataloader = dict(dataset=dict(mask_dir=ir_labels))
stages = dict(
    cam=dict(config='configs/irn/irn_voc_photos.py'),
    ir_labels=dict(fg_threshold=0.5, bg_threshold=0.2),
    # the thresholds are chosen on the training masks, as published numbers are
    crf_masks=dict(bg_threshold='best', scores='seed_scores'),
    irnet=dict(config='configs/irn/irnet_voc_photos.py'),
    walk=dict(steps=64),  # as far as 256 steps go on a grid of twice the sides
    pseudo_masks=dict(bg_threshold='best', scores='walk_scores'),
    segmentor=dict(config='configs/deeplabv2/deeplabv2_efficientnet_lite0_voc_photos.py'),
)
