# SGD with momentum 0.9 and decay 1e-4 (VPL, implementation details), which give no rate for the
# decoder and no schedule: the rate is ours, the schedule that of vpl_30k.py.
_base_ = ['./vpl_30k.py']
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4)
)
