# VPL's decoder with the optimiser that the paper writes.
_base_ = ['../_base_/models/vpl_decoder_vit_b16.py', '../_base_/datasets/vpl.py',
          '../_base_/schedules/vpl_30k_sgd.py', '../_base_/default_runtime.py']
