# The 174 photographs of voc_mini.py with image labels.
_base_ = ['./voc_mini.py', './labelled_images_small.py']
labelled = dict(dataset=_base_.images, label_file=_base_.label_file)
train_dataloader = seed_dataloader = test_dataloader = dict(dataset=labelled)
