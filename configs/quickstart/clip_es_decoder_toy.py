# CLIP-ES on toy scenes in two stages: its masks, then the decoder of one_stage_toy.py on them.
_base_ = ['./clip_es_toy.py']
stages = dict(
    segmentor=dict(
        config='configs/quickstart/vpl_decoder_toy.py',
        options={'model.decode_head.classifier': 'linear', 'model.decode_head.prototypes': None,
                 'model.decode_head.rsc': None},
    ),
)
