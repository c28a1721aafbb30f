# AMN on PASCAL VOC 2012: a segmentation network that learns from the ir_labels of another host's
# CAMs, and whose softmax maps are the seeds.
_base_ = ['../_base_/models/amn_resnet50.py', '../_base_/datasets/voc_cam.py',
          '../_base_/datasets/ir_labels.py', '../_base_/schedules/amn_5e.py',
          '../_base_/stages/amn.py', '../_base_/default_runtime.py']
tta_pipeline = [
    _base_.load,
    # the ir_label stays in the size of the image
    dict(type='mmwsss.MultiScaleFlip', scales=(1.0, 0.5, 1.5, 2.0), annotations=True),
]
ir_labels = 'work_dirs/amn_voc/ir_labels/masks'  # a run sets it to those it made
train_dataloader = dict(dataset=dict(mask_dir=ir_labels, pipeline=_base_.ir_label_train_pipeline))
seed_dataloader = dict(dataset=dict(mask_dir=ir_labels, pipeline=tta_pipeline))
test_dataloader = dict(dataset=dict(mask_dir=ir_labels))
