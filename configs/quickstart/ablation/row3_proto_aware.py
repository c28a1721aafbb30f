# CPAL Table 1, row III: + top-K neighbours and positiveness. Compare the PACAM.
_base_ = ['../irn_cpal_threshold_toy.py']
model = dict(prototype_head=dict(statistic='none', loss_weight=0.0))
