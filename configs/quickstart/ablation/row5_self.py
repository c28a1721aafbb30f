# CPAL Table 1, row V: + the self-supervised loss, which is all of CPAL.
_base_ = ['../irn_cpal_threshold_toy.py']
