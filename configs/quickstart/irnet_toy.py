# IRNet on toy scenes, on a CPU, in a minute.
_base_ = ['../_base_/models/irnet_efficientnet_lite0.py', '../_base_/datasets/toy_cam.py',
          '../_base_/datasets/ir_labels_toy.py', '../_base_/schedules/irnet_small.py',
          '../_base_/default_runtime.py']
model = dict(pad_to=160)
train_dataloader = dict(dataset=dict(
    mask_dir='work_dirs/irn_toy/ir_labels/masks',
    pipeline=_base_.ir_label_train_pipeline,
))
tta_pipeline = _base_.edge_tta_pipeline
tta_model = dict(type='mmwsss.EdgeTTAModel')
