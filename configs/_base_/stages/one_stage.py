# One training, whose network is the segmentor; then its masks of the training images, for those who
# want to train another one on them.
stages = dict(
    segmentor=dict(type='Train'),
    test=dict(type='Test', model='segmentor'),
    seeds=dict(type='GenerateSeeds', model='segmentor'),
    pseudo_masks=dict(type='RefineSeeds', seeds='seeds', bg_threshold=None, crf='clip_es'),
    mask_scores=dict(type='EvaluateMasks', masks='pseudo_masks'),
)
