# The photographs of voc_photos.py with pseudo masks.
_base_ = ['./voc_photos.py', './pseudo_masks_small.py']
train_dataloader = dict(dataset=dict(dataset=_base_.images))
test_dataloader = dict(dataset=_base_.tested_on)
tta_pipeline = [_base_.load_both[0], dict(_base_.views, scales=(0.75, 1.0))]
