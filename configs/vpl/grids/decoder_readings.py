# Readings of VPL's regional contrast: its negatives (Eq. 13) and its weights (Eq. 12).
grid = {
    'masks of absent classes': {},  # as printed
    'own regions': {'stages.decoder.options': {'model.decode_head.rsc.negatives': 'own_region'}},
    'raw weights': {'stages.decoder.options': {'model.decode_head.rsc.weights': 'raw'}},
}
