# walk_small.py for toy scenes.
_base_ = ['./walk_small.py']
stages = dict(
    irnet=dict(config='configs/quickstart/irnet_toy.py'),
    # as far as 256 steps go on a photograph of VOC, whose sides are three times as long
    walk=dict(steps=32),
    segmentor=dict(config='configs/quickstart/deeplabv2_toy.py'),
)
