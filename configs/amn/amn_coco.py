# AMN on COCO 2014.
_base_ = ['./amn_voc.py', '../_base_/datasets/coco.py']
model = dict(cam_head=dict(num_classes=80))
ir_labels = 'work_dirs/amn_coco/ir_labels/masks'  # run_pipeline sets it to those it made
train_dataloader = dict(dataset=dict(_base_.coco_labelled, mask_dir=ir_labels))
seed_dataloader = dict(dataset=dict(_base_.coco_labelled, mask_dir=ir_labels))
test_dataloader = dict(dataset=dict(_base_.coco_labelled, mask_dir=ir_labels))
pipeline = [{**stage, **_base_.coco_stages.get(stage.name, {})} for stage in _base_.pipeline]
pipeline[0]['config'] = 'configs/irn/irn_coco.py'
# 0.5 to 1.5 of the image, whose long side is 640 in COCO
_base_.train_dataloader.dataset.pipeline[2].scale = (640, 640)
