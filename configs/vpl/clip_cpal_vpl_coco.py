# VPL on CPAL on CLIP-ES, COCO 2014.
_base_ = ['./clip_cpal_vpl_voc.py', '../_base_/datasets/coco.py']
model = dict(cam_head=dict(
    text=dict(names='coco', background='coco_background'), box_threshold=0.7,  # CLIP-ES
    prototypes=dict(num_background=23),
))
train_dataloader = seed_dataloader = test_dataloader = dict(dataset=_base_.coco_labelled)
judged_on, tested_on = _base_.coco_judged_on, _base_.coco_val
stages = dict(decoder=dict(config='configs/vpl/vpl_decoder_coco.py'))
