# CPF-CTE without class tokens and without context fusion: Table 4's base, PASCAL VOC 2012.
_base_ = ['./cpf_cte_voc.py']
model = dict(cam_head=dict(attachment='none', context=dict(direction='none')))
