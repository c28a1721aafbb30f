# AdamW with a rate per layer, for backbones that SGD at IRN's rate would destroy; to be put in the
# place of a schedule's optimiser: optim_wrapper = _base_.layer_decay_optim. Nobody has tuned it.
layer_decay_optim = dict(
    _delete_=True,
    type='OptimWrapper',
    constructor='mmwsss.LayerDecayConstructor',
    optimizer=dict(type='AdamW', lr=6e-5, weight_decay=0.01),  # ours
    paramwise_cfg=dict(
        layer_decay=0.75,  # BEiT; each layer of the backbone learns at 0.75 of the rate of the next
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            'cam_head': dict(lr_mult=10.0),
            'prototype_head': dict(lr_mult=10.0),
            'cls_token': dict(decay_mult=0.0),
            'pos_embed': dict(decay_mult=0.0),
        },
    ),
    clip_grad=dict(max_norm=1.0),
)
