# labelled_images.py for small images and CPUs.
_base_ = ['./labelled_images.py']
train_pipeline = [_base_.load,
                  dict(type='mmwsss.RandomView', size=256, ratio_range=(0.8, 1.5), crop_size=256),
                  _base_.pack]
tta_pipeline = [_base_.load, dict(type='mmwsss.MultiScaleFlip', scales=(0.5, 0.75))]
train_dataloader = dict(num_workers=0, persistent_workers=False,
                        dataset=dict(pipeline=train_pipeline))
seed_dataloader = dict(num_workers=0, dataset=dict(pipeline=tta_pipeline))
test_dataloader = dict(num_workers=0)
