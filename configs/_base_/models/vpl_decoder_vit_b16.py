# VPL's second phase: a decoder on the patch tokens of blocks 1 to 11 of a frozen CLIP.
# `model.backbone.pretrained` is a tag of open_clip or the file of the weights; with a file,
# `model.backbone.model_name=None` takes the architecture from it.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='mmwsss.CAMDataPreProcessor',  # padding is zero, and takes no part in the contrast
        # 255 times CLIP's
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
        bgr_to_rgb=True,
        seg_pad_val=255,
        size=(320, 320),
    ),
    backbone=dict(
        type='mmwsss.FrozenCLIP',
        model_name='ViT-B-16-quickgelu',
        pretrained='openai',
        out_indices=tuple(range(11)),
    ),
    decode_head=dict(
        type='mmwsss.FrozenCLIPDecoder',
        in_channels=[768] * 11,
        embed_dims=512,
        # what the first phase wrote; it is read once, when a training begins
        prototypes=dict(checkpoint='work_dirs/vision_prototypes.pth',
                        key='cam_head.prototypes.vectors'),
        align_corners=False,
        loss_decode=dict(type='mmwsss.BalancedCrossEntropyLoss'),
        # None for the cross-entropy alone (VPL Table 3, row IV)
        rsc=dict(type='mmwsss.RSCLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
