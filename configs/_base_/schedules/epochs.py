# What all trainings have; a schedule says how many epochs and at which rate.
train_cfg = dict(type='EpochBasedTrainLoop')
optim_wrapper = dict(type='OptimWrapper')
# a polynomial decay by iteration: param_scheduler = [dict(_base_.poly, end=max_epochs)]
poly = dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, by_epoch=True,
            convert_to_iter_based=True)
