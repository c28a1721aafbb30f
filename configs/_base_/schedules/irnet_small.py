# For hundreds of images instead of ten thousand: more epochs of smaller batches (ours).
_base_ = ['./irnet_3e.py']
max_epochs = 3
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=max_epochs)
