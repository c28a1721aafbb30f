# walk_small.py without any mask: no threshold is chosen on ground truth, and no stage works only
# for a row of the table.
_base_ = ['./walk_small.py']
stages = dict(
    crf_masks=None,
    crf_scores=None,
    ir_labels=dict(fg_threshold=0.5, bg_threshold=0.2),
    irnet=dict(config='configs/irn/irnet_own.py'),
    pseudo_masks=dict(bg_threshold='auto', scores=None),
    segmentor=dict(config='configs/deeplabv2/deeplabv2_efficientnet_lite0_own.py'),
)
