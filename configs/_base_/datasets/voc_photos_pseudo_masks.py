# The photographs of voc_photos.py with pseudo masks.
_base_ = ['./voc_photos.py', './pseudo_masks_small.py']
train_dataloader = dict(dataset=dict(dataset=_base_.images))
test_dataloader = dict(dataset=_base_.tested_on)
tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='mmwsss.MultiScaleFlip', scales=(0.75, 1.0), annotations=True,
         interpolation='bilinear', resize='Resize', pack='PackSegInputs'),
]
