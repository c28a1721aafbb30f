# SGD 2.5e-4, head x10, its bias x20 without decay, poly 0.9, batch 10 (DeepLabV2).
# 30k iterations of batch 10 over the 10,582 images of trainaug are 28.4 epochs; epochs rather than
# iterations, because training resumes at an epoch's edge.
_base_ = ['./epochs.py']
max_epochs = 28
head_bias = {
    f'decode_head.classifiers.{index}.bias': dict(lr_mult=20.0, decay_mult=0.0)
    for index in range(4)
}
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict({'decode_head': dict(lr_mult=10.0)}, **head_bias)),
)
param_scheduler = [dict(_base_.poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 10  # in all processes together (DeepLabV2)
