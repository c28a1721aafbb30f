# The photographs of voc_photos.py with pseudo masks.
_base_ = ['./voc_photos.py', './pseudo_masks_small.py']
# ours: 20 of the 1,726 images show a bird
train_dataloader = dict(dataset=dict(dataset=_base_.images, repeat_below=0.1))
test_dataloader = dict(dataset=_base_.tested_on)
tta_pipeline = [_base_.load_both[0], dict(_base_.views, scales=(0.75, 1.0))]
