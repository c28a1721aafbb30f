# cpal_prototypes.py without masks to judge by.
_base_ = ['./cpal_prototypes.py']
cpal_stages = dict(plain_masks=None, plain_scores=None, crf_masks=None)
