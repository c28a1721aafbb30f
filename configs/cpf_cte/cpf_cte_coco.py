# CPF-CTE on COCO 2014.
_base_ = ['./cpf_cte_voc.py', '../_base_/datasets/coco.py']
train_dataloader = seed_dataloader = test_dataloader = dict(dataset=_base_.coco_labelled)
judged_on, tested_on = _base_.coco_judged_on, _base_.coco_val
stages = dict(segmentor=dict(config='configs/deeplabv2/deeplabv2_r101_coco.py'))
