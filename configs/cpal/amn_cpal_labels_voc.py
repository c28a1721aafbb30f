# The other reading of CPAL on AMN: CPAL in the classifier that makes the ir_labels, AMN as it is.
_base_ = ['../amn/amn_voc.py']
_base_.pipeline[0].config = 'configs/cpal/irn_cpal_voc.py'
