# MCTformer V2's way on 137 photographs with a small hybrid ViT, on a CPU, in minutes.
_base_ = ['../_base_/models/mctformer_hybrid_efficientnet_lite0.py',
          '../_base_/datasets/voc_mini_cam.py', '../_base_/schedules/mctformer_small.py',
          '../_base_/stages/walk_small.py', '../_base_/default_runtime.py']
model = dict(backbone=dict(img_size=256))
tta_pipeline = [
    _base_.load,
    # photographs of 500 pixels per side, as large as in training
    dict(type='mmwsss.MultiScaleFlip', scales=(0.75,)),
]
seed_dataloader = dict(dataset=dict(pipeline=tta_pipeline))
stages = dict(ir_labels=dict(fg_threshold=0.55, bg_threshold=0.3), irnet=dict(backbone=None))
