# IRN with ResNet-50 on photographs of one's own, on a GPU; `mmwsss new FOLDER` writes a config that
# inherits it.
_base_ = ['../_base_/models/irn_resnet50.py', '../_base_/datasets/own_cam_large.py',
          '../_base_/schedules/cam_5e.py', '../_base_/stages/walk_own.py',
          '../_base_/default_runtime.py']
stages = dict(
    ir_labels=dict(fg_threshold=0.3, bg_threshold=0.05),  # IRN
    irnet=dict(config='configs/irn/irnet_r50_own.py'),
    walk=dict(steps=256),  # IRN
    segmentor=dict(config='configs/deeplabv2/deeplabv2_r101_own.py'),
)
