# The photographs of voc_photos.py with image labels.
_base_ = ['./voc_photos.py', './labelled_images_small.py']
labelled = dict(dataset=_base_.images, label_file=_base_.label_file)
train_dataloader = seed_dataloader = test_dataloader = dict(dataset=labelled)
