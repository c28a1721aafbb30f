# VPL's second phase on PASCAL VOC 2012: a decoder learns from pseudo masks, image labels and the
# vision prototypes of the first phase. It is a segmentor by itself; no DeepLabV2 comes after it.
_base_ = ['../_base_/models/vpl_decoder_vit_b16.py', '../_base_/datasets/vpl.py',
          '../_base_/schedules/vpl_30k.py', '../_base_/default_runtime.py']
