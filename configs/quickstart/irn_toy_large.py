# IRN on toy scenes that are enlarged before the network sees them: maps of more cells, at nearly
# three times the cost. docs/methods/cpal.md compares host and plug-in on it.
_base_ = ['./irn_toy.py']
train_pipeline = [_base_.load,
                  dict(type='mmwsss.RandomView', size=320, ratio_range=(0.75, 1.25), crop_size=256),
                  _base_.pack]
tta_pipeline = [_base_.load, dict(type='mmwsss.MultiScaleFlip', scales=(1.5, 2.25))]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
# found by tools/search_thresholds.py on another random seed
stages = dict(ir_labels=dict(fg_threshold=0.5, bg_threshold=0.2))
