# SGD 1e-3, batch 10, 20k iterations, poly 0.9 (ResNet38); factors of the head as in
# deeplabv2_30k.py. 20k iterations of batch 10 over the 10,582 images of trainaug are 18.9 epochs.
_base_ = ['./deeplabv2_30k.py']
max_epochs = 19
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=max_epochs)
