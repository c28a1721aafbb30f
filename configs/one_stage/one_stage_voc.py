# One stage on PASCAL VOC 2012: a decoder on a frozen CLIP learns from masks that are made, in the
# step in which it learns, of the same CLIP's CAMs. Views of the test are those of VPL's decoder.
_base_ = ['../_base_/models/one_stage_vit_b16.py', '../_base_/datasets/vpl.py',
          '../_base_/schedules/one_stage_30k.py', '../_base_/stages/one_stage.py',
          '../_base_/default_runtime.py']
train_pipeline = [_base_.load, _base_.train_pipeline[2], _base_.pack]  # no mask is loaded
train_dataloader = dict(dataset=dict(mask_dir=None, pipeline=train_pipeline))
custom_hooks = _base_.custom_hooks + _base_.one_stage_hooks
