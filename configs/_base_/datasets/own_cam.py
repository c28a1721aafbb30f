# The photographs of own.py with image labels. Views have long sides in pixels, whatever the sizes
# of the photographs: those that the network learns from.
_base_ = ['./own.py', './labelled_images_small.py']
tta_pipeline = [_base_.load, dict(type='mmwsss.MultiScaleFlip', long_sides=(256, 384))]
labelled = dict(dataset=_base_.images, label_file=_base_.label_file)
train_dataloader = test_dataloader = dict(dataset=labelled)
seed_dataloader = dict(dataset=dict(labelled, pipeline=tta_pipeline))
