# cpal_prototypes.py without masks to judge by. The maps of a network that has not learnt from the
# loss need no threshold: the loss makes CAMs better and shifts classes against the background
# (docs/methods/cpal.md, measured on photographs).
_base_ = ['./cpal_prototypes.py']
cpal_head = dict(loss_weight=0.0)
cpal_stages = dict(plain_masks=None, plain_scores=None, crf_masks=None)
