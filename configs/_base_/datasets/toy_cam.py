# Toy scenes with image labels.
_base_ = ['./toy.py', './labelled_images_toy.py']
labelled = dict(dataset=_base_.images, label_file=_base_.label_file)
train_dataloader = seed_dataloader = test_dataloader = dict(dataset=labelled)
