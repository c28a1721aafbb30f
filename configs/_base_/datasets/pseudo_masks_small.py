# pseudo_masks.py for small images and CPUs.
_base_ = ['./pseudo_masks.py']
resize = dict(type='RandomResize', scale=(256, 256), ratio_range=(0.8, 1.5),
              resize_type='Resize', keep_ratio=True)
train_pipeline = [*_base_.load_both, resize, dict(type='RandomCrop', crop_size=(256, 256)),
                  _base_.flip, _base_.pack]
tta_pipeline = [_base_.load_both[0], dict(_base_.views, scales=(0.5, 0.75))]
# On so few images no class is ever unlikely enough for 1e-3, and a CRF of 21 classes takes seconds.
tta_model = dict(min_probability=0.05)
train_dataloader = dict(num_workers=0, persistent_workers=False,
                        dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(num_workers=0)
