# IRN on VOC 2012; seeds spread by the keys of DINOv2 before CRF, ir_labels and walk.
_base_ = ['./irn_voc.py']
stages = dict(
    spread=dict(
        type='SpreadSeeds',
        seeds='seeds',
        backbone=dict(type='TIMMBackbone', model_name='vit_small_patch14_dinov2.lvd142m',
                      pretrained=True, features_only=False, num_classes=0, dynamic_img_size=True),
        long_side=518,  # what DINOv2 learnt on last
    ),
    spread_scores=dict(type='EvaluateSeeds', seeds='spread', title='spread by DINOv2'),
    crf_masks=dict(seeds='spread'),
    ir_labels=dict(seeds='spread'),
    walk=dict(seeds='spread'),
)
