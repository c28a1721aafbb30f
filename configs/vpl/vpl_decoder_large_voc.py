# VPL's second phase on the larger ViT-L/14, whose parameters the processes share out (FSDP).
# The prototypes must be those of a first phase with the same CLIP.
_base_ = ['./vpl_decoder_voc.py', '../_base_/fsdp.py']
model = dict(
    data_preprocessor=dict(size=(322, 322)),  # a multiple of the patch, 14
    backbone=dict(model_name='ViT-L-14-quickgelu', out_indices=tuple(range(23))),
    decode_head=dict(in_channels=[1024] * 23, embed_dims=768),
)
_base_.train_dataloader.dataset.pipeline[2].crop_size = 322
_base_.tta_pipeline[1].size_divisor = 14
_base_.seed_dataloader.dataset.pipeline[1].size_divisor = 14
_base_.test_dataloader.dataset.pipeline[1].size_divisor = 14
