# IRN's classification network on toy scenes, on a CPU, in minutes.
_base_ = ['../_base_/models/irn_efficientnet_lite0.py', '../_base_/datasets/toy_cam.py',
          '../_base_/schedules/cam_small.py', '../_base_/stages/walk_toy.py',
          '../_base_/default_runtime.py']
# found by tools/search_thresholds.py on another random seed
stages = dict(ir_labels=dict(fg_threshold=0.55, bg_threshold=0.4))
