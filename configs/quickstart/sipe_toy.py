# SIPE on toy scenes, on a CPU.
_base_ = ['../_base_/models/sipe_efficientnet_lite0.py', '../_base_/datasets/toy_cam.py',
          '../_base_/schedules/cam_small.py', '../_base_/stages/sipe.py',
          '../_base_/default_runtime.py']
stages = dict(
    irnet=dict(config='configs/quickstart/irnet_toy.py'),
    walk=dict(steps=32),  # as in walk_toy.py
    segmentor=dict(config='configs/quickstart/deeplabv2_toy.py'),
)
