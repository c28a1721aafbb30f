# VPL on CLIP-ES, toy scenes, and DeepLabV2 on the masks that VPL's decoder makes.
_base_ = ['./clip_es_vpl_toy.py', '../_base_/plugins/vpl_export.py']
stages = dict(
    _base_.vpl_export,
    decoder_scores=dict(type='EvaluateMasks', masks='decoder_masks',
                        title="the decoder's masks, with CRF"),
)
stages['segmentor'] = dict(stages['segmentor'], config='configs/quickstart/deeplabv2_toy.py')
