# PASCAL VOC 2012 with image labels.
_base_ = ['./voc.py', './labelled_images.py']
labelled = dict(dataset=_base_.images, label_file=_base_.label_file)
train_dataloader = dict(dataset=labelled)
seed_dataloader = dict(dataset=labelled)
test_dataloader = dict(dataset=dict(labelled, dataset=_base_.judged_images))
