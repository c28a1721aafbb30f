# What comes after VPL's decoder to train another segmentor on its masks of the training images.
vpl_export = [
    dict(type='GenerateSeeds', name='decoder_seeds', model='decoder'),
    dict(type='RefineSeeds', name='decoder_masks', seeds='decoder_seeds', bg_threshold=None,
         crf='clip_es'),
]
