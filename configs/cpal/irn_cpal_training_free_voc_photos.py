# The PACAM of a finished host, with a background and without training: a pass fills the bank,
# k-means, seeds. Train the host first: mmwsss run irn_voc_photos --until cam
_base_ = ['./irn_cpal_voc_photos.py']
load_from = 'work_dirs/irn_voc_photos/cam/epoch_5.pth'
train_cfg = dict(_delete_=True, type='mmwsss.BankFillLoop')
stages = _base_.cpal_stages
