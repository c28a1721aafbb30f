# CLIP-ES, COCO 2014.
_base_ = ['./clip_es_voc.py', '../_base_/datasets/coco.py']
model = dict(
    cam_head=dict(
        num_classes=80,
        text=dict(names='coco', background='coco_background'),
        box_threshold=0.7,  # CLIP-ES
    ),
)
train_dataloader = dict(dataset=_base_.coco_labelled)
seed_dataloader = dict(dataset=_base_.coco_labelled)
test_dataloader = dict(dataset=_base_.coco_labelled)
pipeline = [{**stage, **_base_.coco_stages.get(stage.name, {})} for stage in _base_.pipeline]
