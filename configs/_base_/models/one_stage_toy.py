# one_stage_vit_b16.py with the CLIP of toy size that tools/train_toy_clip.py makes.
_base_ = ['./one_stage_vit_b16.py']
toy_clip = 'work_dirs/toy_clip/clip.pth'
toy_names = ('cat', 'dog', 'horse', 'cow', 'bird', 'car', 'bus', 'train', 'boat', 'aeroplane')
model = dict(
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3),  # EfficientNet-Lite0
    backbone=dict(model_name=None, pretrained=toy_clip, num_attention_blocks=4,
                  num_refining_blocks=5, out_indices=tuple(range(4))),
    cam_head=dict(embed_dims=128, text=dict(names=toy_names)),
    decode_head=dict(in_channels=[96] * 4, embed_dims=128, channels=64, num_heads=4),
    masks=dict(stride=2),  # for a CPU
)
