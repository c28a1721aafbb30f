# As cam_5e.py, with a true momentum of 0.9 and a tenth of the rate: steps of the same size.
_base_ = ['./cam_5e.py']
optim_wrapper = dict(optimizer=dict(lr=0.01, momentum=0.9))
