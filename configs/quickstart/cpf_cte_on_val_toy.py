# CPF-CTE's pseudo labels of val, toy scenes.
_base_ = ['./cpf_cte_toy.py']
seed_dataloader = dict(dataset=dict(dataset=_base_.tested_on))
judged_on = _base_.judged_on_val
stages = dict(segmentor=None, test=None)
