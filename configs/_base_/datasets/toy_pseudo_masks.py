# Toy scenes with pseudo masks.
_base_ = ['./toy.py', './pseudo_masks_toy.py']
train_dataloader = dict(dataset=dict(dataset=_base_.images))
test_dataloader = dict(dataset=_base_.tested_on)
