# labelled_images_small.py for images of 144 to 192 pixels per side.
_base_ = ['./labelled_images_small.py']
train_pipeline = [_base_.load,
                  dict(type='mmwsss.RandomView', size=192, ratio_range=(0.75, 1.25), crop_size=160),
                  _base_.pack]
tta_pipeline = [_base_.load, dict(type='mmwsss.MultiScaleFlip', scales=(1.0, 1.5))]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
