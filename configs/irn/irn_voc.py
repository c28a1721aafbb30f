# IRN on PASCAL VOC 2012: CAMs, boundaries learnt from them, random walk, segmentor.
_base_ = ['../_base_/models/irn_resnet50.py', '../_base_/datasets/voc_cam.py',
          '../_base_/schedules/cam_5e.py', '../_base_/stages/walk.py',
          '../_base_/default_runtime.py']
