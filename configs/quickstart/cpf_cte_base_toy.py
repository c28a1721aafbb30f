# CPF-CTE without class tokens and without context fusion, toy scenes.
_base_ = ['./cpf_cte_toy.py']
model = dict(cam_head=dict(attachment='none', context=dict(direction='none')))
