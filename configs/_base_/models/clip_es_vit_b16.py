# CLIP-ES: GradCAM of a frozen CLIP. `model.backbone.pretrained` is a tag of open_clip or the file
# of the weights; with a file, `model.backbone.model_name=None` takes the architecture from it.
_base_ = ['./cam_segmentor.py']
# in several processes: DDP refuses a model in which nothing learns
model_wrapper_cfg = dict(type='mmwsss.FrozenModelWrapper')
model = dict(
    data_preprocessor=dict(
        # 255 times CLIP's
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
    ),
    backbone=dict(
        type='mmwsss.CLIPESBackbone',
        model_name='ViT-B-16-quickgelu',
        pretrained='openai',
    ),
    cam_head=dict(type='mmwsss.CLIPESHead'),
)
