# The other reading of CPAL on AMN: CPAL in the classifier that makes the ir_labels, AMN as it is.
_base_ = ['../amn/amn_voc.py']
stages = dict(cam=dict(config='configs/cpal/irn_cpal_voc.py'))
