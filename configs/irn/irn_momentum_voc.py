# IRN with the other reading of its optimiser: a true momentum of 0.9 and a tenth of the rate.
_base_ = ['./irn_voc.py']
optim_wrapper = dict(optimizer=dict(lr=0.01, momentum=0.9))
