# PASCAL VOC 2012 with pseudo masks: train on trainaug, test on val.
_base_ = ['./voc.py', './pseudo_masks.py']
train_dataloader = dict(dataset=dict(dataset=_base_.images))
test_dataloader = dict(dataset=_base_.tested_on)
