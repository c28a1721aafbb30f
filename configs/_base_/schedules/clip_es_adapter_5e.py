# For a 1x1 projection of frozen vectors, one image per step (ours).
_base_ = ['./epochs.py']
max_epochs = 5
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.01),
                     accumulative_counts=16)
param_scheduler = [dict(_base_.poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
total_batch_size = 1  # in all processes together
