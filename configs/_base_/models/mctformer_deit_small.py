# MCTformer V2: DeiT-S with one class token per class; each begins as DeiT's single one.
_base_ = ['./cam_segmentor.py']
model = dict(
    backbone=dict(
        type='mmwsss.ClassTokenViT',
        arch='deit-small',
        img_size=224,
        drop_path_rate=0.1,  # DeiT
        # or what tools/model_converters/deit.py makes of DeiT's own file
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/deit/'
            'deit-small_pt-4xb256_in1k_20220218-9425b9bb.pth',
            prefix='backbone.',
        ),
    ),
    cam_head=dict(type='mmwsss.MCTformerHead', in_channels=384),
)
