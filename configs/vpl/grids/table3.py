# VPL Table 3: text prototypes (no iteration), vision prototypes, a decoder with cross-entropy
# alone, and with regional contrast. The table of the run has seeds and masks of each row, and, run
# to the end, the decoder with CRF; tools/test.py with tta_model.crf=None tests it without.
grid = {
    'text, CE': {'model.cam_head.prototypes.iterations': 0,
                 'stages.decoder.options': {'model.decode_head.rsc': None}},
    'vision, CE': {'stages.decoder.options': {'model.decode_head.rsc': None}},
    'vision, CE and RSC': {},
}
