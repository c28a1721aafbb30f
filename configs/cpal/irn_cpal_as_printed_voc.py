# CPAL on IRN with the optimiser as printed (Sec. 4.1): SGD 0.1 and 1.0 with a true momentum of 0.9,
# whose steps are about ten times those of irn_cpal_voc.py.
_base_ = ['./irn_cpal_voc.py']
optim_wrapper = dict(optimizer=dict(momentum=0.9))
