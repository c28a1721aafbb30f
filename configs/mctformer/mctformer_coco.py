# MCTformer V2 on COCO 2014.
_base_ = ['./mctformer_voc.py', '../_base_/datasets/coco.py']
model = dict(backbone=dict(num_classes=80), cam_head=dict(num_classes=80))
train_dataloader = dict(dataset=_base_.coco_labelled)
seed_dataloader = dict(dataset=_base_.coco_labelled)
test_dataloader = dict(dataset=_base_.coco_labelled)
pipeline = [{**stage, **_base_.coco_stages.get(stage.name, {})} for stage in _base_.pipeline]
pipeline[11]['config'] = 'configs/deeplabv2/deeplabv2_resnet38_coco.py'
