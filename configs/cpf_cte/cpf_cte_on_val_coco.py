# CPF-CTE's pseudo labels of COCO 2014 val, which Table 3 has: learnt on train2014, seeds of val2014
# and its image labels.
_base_ = ['./cpf_cte_coco.py']
coco_val_labels = _base_.coco_root + '/image_labels_val2014.json'
seed_dataloader = dict(dataset=dict(dataset=_base_.coco_val, label_file=coco_val_labels))
judged_on = _base_.coco_judged_on_val
stages = dict(segmentor=None, test=None)
