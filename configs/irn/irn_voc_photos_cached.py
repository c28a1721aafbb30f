# irn_voc_photos.py with a trunk that does not learn and whose features are computed once: for
# trials of heads and plug-ins. Four fixed views per image take turns.
_base_ = ['./irn_voc_photos.py']
model = dict(backbone=dict(
    frozen_stages=6,  # of 7
    out_stages=(7,),
    feature_cache='work_dirs/feature_cache',
))
train_dataloader = dict(dataset=dict(views=4))
