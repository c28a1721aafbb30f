# labelled_images.py for images of 144 to 192 pixels per side, and CPUs.
_base_ = ['./labelled_images.py']
train_pipeline = [_base_.load,
                  dict(type='mmwsss.RandomView', size=192, ratio_range=(0.75, 1.25), crop_size=160),
                  _base_.pack]
tta_pipeline = [_base_.load, dict(type='mmwsss.MultiScaleFlip', scales=(1.0, 1.5))]
train_dataloader = dict(num_workers=0, persistent_workers=False,
                        dataset=dict(pipeline=train_pipeline))
seed_dataloader = dict(num_workers=0, dataset=dict(pipeline=tta_pipeline))
test_dataloader = dict(num_workers=0)
