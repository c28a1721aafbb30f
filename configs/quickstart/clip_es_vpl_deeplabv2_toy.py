# VPL on CLIP-ES, toy scenes, and DeepLabV2 on the masks that VPL's decoder makes.
_base_ = ['./clip_es_vpl_toy.py', '../_base_/plugins/vpl_export.py']
pipeline = [
    *_base_.pipeline,
    *_base_.vpl_export,
    dict(type='EvaluateMasks', name='decoder_scores', masks='decoder_masks',
         title="the decoder's masks, with CRF", **_base_.judged_on),
    dict(type='Train', name='segmentor', masks='decoder_masks',
         config='configs/quickstart/deeplabv2_toy.py'),
    dict(type='Test', name='segmentor_test', model='segmentor',
         title="DeepLabV2 on the decoder's masks"),
]
