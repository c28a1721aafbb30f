# The network of one_stage_vpl_toy.py.
_base_ = ['./one_stage_toy.py']
model = dict(decode_head=dict(
    classifier='prototypes',
    prototypes=dict(checkpoint='work_dirs/vision_prototypes.pth',
                    key='cam_head.prototypes.vectors'),
    rsc=dict(type='mmwsss.RSCLoss'),
))
stages = None  # one_stage_vpl_toy.py has them
