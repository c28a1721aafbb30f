# own_cam.py for GPUs: twice the sides, and few sizes, as each costs a GPU time (docs/speed.md).
_base_ = ['./own.py', './labelled_images.py']
tta_pipeline = [_base_.load, dict(type='mmwsss.MultiScaleFlip', long_sides=(512, 256, 768, 1024),
                                      size_divisor=32)]
labelled = dict(dataset=_base_.images, label_file=_base_.label_file)
train_dataloader = test_dataloader = dict(dataset=labelled)
seed_dataloader = dict(dataset=dict(labelled, pipeline=tta_pipeline))
