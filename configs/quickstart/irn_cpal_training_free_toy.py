# The PACAM of the quickstart's finished host, without training or a threshold.
_base_ = ['./irn_cpal_toy.py']
load_from = 'work_dirs/quickstart/irn_toy/cam/epoch_9.pth'
train_cfg = dict(_delete_=True, type='mmwsss.BankFillLoop')
stages = _base_.cpal_stages
