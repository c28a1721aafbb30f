# The PACAM of the quickstart's finished host, without training.
_base_ = ['./irn_cpal_toy.py']
load_from = 'work_dirs/quickstart/irn_toy/cam/epoch_9.pth'
train_cfg = dict(_delete_=True, type='mmwsss.BankFillLoop')
for index in (3, 5, 7):  # CRF, ir_labels, random walk
    _base_.pipeline[index].source = 'pacam'
del index
