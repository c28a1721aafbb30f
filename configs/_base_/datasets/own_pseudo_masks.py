# The photographs of own.py with pseudo masks. What is predicted is seen in the sizes of the
# training, too, and the masks have the size of the image.
_base_ = ['./own.py', './pseudo_masks_small.py']
load, annotations = _base_.load_both
test_pipeline = [load, dict(type='Resize', scale=(320, 320), keep_ratio=True), annotations,
                 _base_.pack]
tta_pipeline = [load, dict(_base_.views, scales=(), long_sides=(256, 384))]
train_dataloader = dict(dataset=dict(dataset=_base_.images))
test_dataloader = dict(dataset=dict(_base_.images, pipeline=test_pipeline))
