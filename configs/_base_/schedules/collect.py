# A "training" of one pass in which no weight is learnt: vectors are collected. The Runner wants an
# optimiser all the same.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0))
param_scheduler = []
train_cfg = dict(type='mmwsss.CollectLoop')
