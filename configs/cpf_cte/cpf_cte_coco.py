# CPF-CTE on COCO 2014.
_base_ = ['./cpf_cte_voc.py', '../_base_/datasets/coco.py']
model = dict(cam_head=dict(num_classes=80))
train_dataloader = dict(dataset=_base_.coco_labelled)
seed_dataloader = dict(dataset=_base_.coco_labelled)
test_dataloader = dict(dataset=_base_.coco_labelled)
pipeline = [{**stage, **_base_.coco_stages.get(stage.name, {})} for stage in _base_.pipeline]
