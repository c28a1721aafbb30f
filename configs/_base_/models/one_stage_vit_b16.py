# A frozen CLIP, its GradCAMs, and a decoder that learns from the masks that are made of them in the
# same step. `model.backbone.pretrained` is a tag of open_clip or the file of the weights; with a
# file, `model.backbone.model_name=None` takes the architecture from it.
_base_ = ['./cam_segmentor.py']
model = dict(
    type='mmwsss.OneStageSegmentor',
    data_preprocessor=dict(
        # 255 times CLIP's
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
    ),
    backbone=dict(
        type='mmwsss.OneStageCLIP',
        model_name='ViT-B-16-quickgelu',
        pretrained='openai',
    ),
    cam_head=dict(type='mmwsss.OneStageCLIPHead'),
    decode_head=dict(
        type='mmwsss.FrozenCLIPDecoder',
        in_channels=[768] * 11,
        embed_dims=256,  # WeCLIP
        classifier='linear',
        align_corners=False,
        loss_decode=dict(type='mmwsss.BalancedCrossEntropyLoss'),
    ),
    affinity_loss=dict(type='mmwsss.PairAffinityLoss'),
)
