# direct.py with a threshold that is chosen on the training masks, as those of the other hosts.
_base_ = ['./direct.py']
stages = dict(
    pseudo_masks=dict(bg_power=None, bg_threshold='best', scores='seed_scores', min_confidence=0.7),
    segmentor=dict(config='configs/deeplabv2/deeplabv2_efficientnet_lite0_voc_mini.py'),
)
