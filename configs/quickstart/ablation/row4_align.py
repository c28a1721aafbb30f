# CPAL Table 1, row IV: + feature alignment. Compare the PACAM.
_base_ = ['../irn_cpal_threshold_toy.py']
model = dict(prototype_head=dict(loss_weight=0.0))
