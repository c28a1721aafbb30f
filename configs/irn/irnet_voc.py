# IRNet on PASCAL VOC 2012: class boundaries, learnt from ir_labels, for the random walk.
_base_ = [
    '../_base_/models/irnet_resnet50.py',
    '../_base_/datasets/voc_cam.py',
    '../_base_/datasets/ir_label_pipelines.py',
    '../_base_/schedules/irnet_3e.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(
    batch_size=32,  # IRN; a process: with 8 of them 4 each make the batch of 32
    dataset=dict(
        mask_dir='work_dirs/irn_voc/ir_labels/masks',  # run_pipeline sets it to those it made
        pipeline=_base_.ir_label_train_pipeline,
    ),
)
tta_pipeline = _base_.edge_tta_pipeline
tta_model = dict(type='mmwsss.EdgeTTAModel')
custom_hooks = _base_.custom_hooks + [dict(type='mmwsss.DisplacementMeanHook')]
