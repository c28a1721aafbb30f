# IRNet on 1,726 photographs of VOC, on a CPU.
_base_ = ['../_base_/models/irnet_efficientnet_lite0.py', '../_base_/datasets/voc_photos_cam.py',
          '../_base_/datasets/ir_labels_small.py', '../_base_/schedules/irnet_small.py',
          '../_base_/default_runtime.py']
train_dataloader = dict(dataset=dict(
    mask_dir='work_dirs/irn_voc_photos/ir_labels/masks',
    pipeline=_base_.ir_label_train_pipeline,
))
tta_model = dict(type='mmwsss.EdgeTTAModel')
