# CPF-CTE on ViT-B/16 (Sec. 4.2); a config with it imports mmpretrain.models.
_base_ = ['./cam_segmentor.py']
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch='base',
        img_size=384,  # CPF-CTE Sec. 4.2; position embeddings are resized for others
        patch_size=16,
        out_type='featmap',
        frozen_stages=12,  # until mmwsss.UnfreezeHook; -1 freezes nothing
        # ImageNet-21k, then ImageNet-1k at 384 pixels
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/vit/finetune/'
            'vit-base-p16_in21k-pre-3rdparty_ft-64xb64_in1k-384_20210928-98e8652b.pth',
            prefix='backbone.',
        ),
    ),
    cam_head=dict(
        type='mmwsss.ClassTokenHead',
        in_channels=768,
        context=dict(type='mmwsss.CFBiLSTM'),
    ),
)
