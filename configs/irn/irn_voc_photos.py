# IRN's classification network on 1,726 photographs of VOC, on a CPU.
_base_ = ['../_base_/models/irn_efficientnet_lite0.py', '../_base_/datasets/voc_photos_cam.py',
          '../_base_/schedules/cam_small.py', '../_base_/stages/walk_small.py',
          '../_base_/default_runtime.py']
max_epochs = 5  # ours: ten times the images of voc_mini
param_scheduler = [dict(_base_.poly, end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
stages = dict(
    ir_labels=dict(fg_threshold=0.5, bg_threshold=0.2),
    irnet=dict(config='configs/irn/irnet_voc_photos.py'),
    segmentor=dict(config='configs/deeplabv2/deeplabv2_efficientnet_lite0_voc_photos.py'),
)
