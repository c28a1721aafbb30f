# IRNet with ResNet-50 on photographs of one's own, on a GPU.
_base_ = ['../_base_/models/irnet_resnet50.py', '../_base_/datasets/own_cam_large.py',
          '../_base_/datasets/ir_labels.py', '../_base_/schedules/irnet_3e.py',
          '../_base_/default_runtime.py']
train_dataloader = dict(dataset=dict(
    mask_dir='work_dirs/irn_r50_own/ir_labels/masks',  # a run sets it to those it made
    pipeline=_base_.ir_label_train_pipeline,
))
tta_pipeline = [_base_.load, dict(type='mmwsss.MultiScaleFlip', long_sides=(512,))]
tta_model = dict(type='mmwsss.EdgeTTAModel')
custom_hooks = _base_.custom_hooks + [dict(type='mmwsss.DisplacementMeanHook')]
