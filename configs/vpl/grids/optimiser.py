# The optimiser of VPL's decoder: the working recipe, and SGD as the paper writes (the rate is ours,
# as in vpl_decoder_sgd_voc.py).
grid = {
    'AdamW': {},
    'SGD as printed': {'stages.decoder.options': {
        'optim_wrapper.optimizer': dict(
            _delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4)}},
}
