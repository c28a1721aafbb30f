# The PACAM of the quickstart's finished host, without training.
_base_ = ['./irn_cpal_toy.py']
load_from = 'work_dirs/quickstart/irn_toy/cam/epoch_9.pth'
train_cfg = dict(_delete_=True, type='mmwsss.BankFillLoop')
_base_.pipeline[3].source = 'pacam'
