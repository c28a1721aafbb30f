# What comes after VPL's decoder to train another segmentor on its masks of the training images.
vpl_export = dict(
    decoder_seeds=dict(type='GenerateSeeds', model='decoder'),
    decoder_masks=dict(type='RefineSeeds', seeds='decoder_seeds', bg_threshold=None, crf='clip_es'),
    segmentor=dict(_delete_=True, type='Train', masks='decoder_masks',
                   config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    segmentor_test=dict(type='Test', model='segmentor', title="DeepLabV2 on the decoder's masks"),
)
