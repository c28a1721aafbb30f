# CLIP-ES on the CLIP of toy size that tools/train_toy_clip.py makes: a hybrid ViT of patch 16.
_base_ = ['./cam_segmentor.py']
toy_clip = 'work_dirs/toy_clip/clip.pth'
toy_names = ('cat', 'dog', 'horse', 'cow', 'bird', 'car', 'bus', 'train', 'boat', 'aeroplane')
# in several processes: DDP refuses a model in which nothing learns
model_wrapper_cfg = dict(type='mmwsss.FrozenModelWrapper')
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),  # EfficientNet-Lite0
    backbone=dict(type='mmwsss.CLIPESBackbone', model_name=None, pretrained=toy_clip,
                  num_attention_blocks=4),
    cam_head=dict(type='mmwsss.CLIPESHead', embed_dims=128, text=dict(names=toy_names)),
)
