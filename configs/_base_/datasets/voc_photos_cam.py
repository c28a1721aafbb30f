# The photographs of voc_photos.py with image labels.
_base_ = ['./voc_photos.py', './labelled_images_small.py']
labelled = dict(dataset=_base_.images, label_file=_base_.label_file)
train_dataloader = test_dataloader = dict(dataset=labelled)
tta_pipeline = [
    _base_.load,
    # long sides of 320 pixels, about the mean of the training views
    dict(type='mmwsss.MultiScaleFlip', scales=(1.0,)),
]
seed_dataloader = dict(dataset=dict(labelled, pipeline=tta_pipeline))
