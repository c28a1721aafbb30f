# The PACAM of the quickstart's finished host, without training.
_base_ = ['./irn_cpal_toy.py']
load_from = 'work_dirs/quickstart/irn_toy/cam/epoch_9.pth'
train_cfg = dict(_delete_=True, type='mmwsss.BankFillLoop')
stages = dict(
    crf_masks=dict(source='pacam'), ir_labels=dict(source='pacam'), walk=dict(source='pacam')
)
