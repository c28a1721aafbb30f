# SGD 1e-3, batch 10, 20k iterations, poly 0.9 (ResNet38); factors of the head as in
# deeplabv2_30k.py. 20k iterations of batch 10 over the 10,582 images of trainaug are 18.9 epochs.
_base_ = ['./deeplabv2_30k.py']
max_epochs = 19
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [dict(_base_.poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
