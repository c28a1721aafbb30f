# IRNet on photographs of one's own, on a CPU.
_base_ = ['../_base_/models/irnet_efficientnet_lite0.py', '../_base_/datasets/own_cam.py',
          '../_base_/datasets/ir_labels_small.py', '../_base_/schedules/irnet_small.py',
          '../_base_/default_runtime.py']
train_dataloader = dict(dataset=dict(
    mask_dir='work_dirs/irn_own/ir_labels/masks',  # a run sets it to those it made
    pipeline=_base_.ir_label_train_pipeline,
))
tta_pipeline = [_base_.load, dict(type='mmwsss.MultiScaleFlip', long_sides=(256,))]
tta_model = dict(type='mmwsss.EdgeTTAModel')
