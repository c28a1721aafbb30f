# IRN on photographs of one's own, on a CPU; `mmwsss new FOLDER` writes a config that inherits it.
_base_ = ['../_base_/models/irn_efficientnet_lite0.py', '../_base_/datasets/own_cam.py',
          '../_base_/schedules/cam_small.py', '../_base_/stages/walk_own.py',
          '../_base_/default_runtime.py']
