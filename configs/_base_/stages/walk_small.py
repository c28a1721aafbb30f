# walk.py for small images and networks: thresholds are chosen on the training masks, as published
# numbers are.
_base_ = ['./walk.py']
stages = dict(
    crf_masks=dict(bg_threshold='best', scores='seed_scores'),
    irnet=dict(config='configs/irn/irnet_voc_mini.py'),
    # as far as 256 steps go on a grid of twice the sides
    walk=dict(steps=64),
    pseudo_masks=dict(bg_threshold='best', scores='walk_scores'),
    segmentor=dict(config='configs/deeplabv2/deeplabv2_efficientnet_lite0_voc_mini.py'),
)
