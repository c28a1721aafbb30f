# pseudo_masks_small.py for images of 144 to 192 pixels per side.
_base_ = ['./pseudo_masks_small.py']
resize = dict(_base_.resize, scale=(192, 192), ratio_range=(0.75, 1.25))
train_pipeline = [*_base_.load_both, resize, dict(type='RandomCrop', crop_size=(160, 160)),
                  _base_.flip, _base_.pack]
tta_pipeline = [_base_.load_both[0], dict(_base_.views, scales=(1.0, 1.5))]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
