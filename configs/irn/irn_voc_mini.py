# IRN's classification network on 137 photographs, on a CPU, in minutes.
_base_ = ['../_base_/models/irn_efficientnet_lite0.py', '../_base_/datasets/voc_mini_cam.py',
          '../_base_/schedules/cam_small.py', '../_base_/stages/walk_small.py',
          '../_base_/default_runtime.py']
stages = dict(ir_labels=dict(fg_threshold=0.5, bg_threshold=0.2))
