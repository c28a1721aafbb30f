# VPL on CLIP-ES, PASCAL VOC 2012, and DeepLabV2 on the masks that VPL's decoder makes.
_base_ = ['./clip_es_vpl_voc.py', '../_base_/plugins/vpl_export.py']
pipeline = [
    *_base_.pipeline,
    *_base_.vpl_export,
    dict(type='Train', name='segmentor', masks='decoder_masks',
         config='configs/deeplabv2/deeplabv2_r101_voc.py'),
    dict(type='Test', name='segmentor_test', model='segmentor',
         title="DeepLabV2 on the decoder's masks"),
]
