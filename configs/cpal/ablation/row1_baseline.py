# CPAL Table 1, row I: classification loss alone.
_base_ = ['../../irn/irn_voc.py']
