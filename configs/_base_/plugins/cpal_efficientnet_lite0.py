# CPAL for a host on EfficientNet-Lite0 (stages of 24, 40, 112 and 320 channels).
_base_ = ['./cpal.py']
cpal_head = dict(projection=dict(in_channels=(24, 40, 112, 320)))
