# SIPE on PASCAL VOC 2012: maps of image-specific prototypes with a background of their own,
# boundaries learnt from them, random walk, segmentor.
_base_ = ['../_base_/models/sipe_resnet50.py', '../_base_/datasets/voc_cam.py',
          '../_base_/schedules/cam_5e.py', '../_base_/stages/sipe.py',
          '../_base_/default_runtime.py']
