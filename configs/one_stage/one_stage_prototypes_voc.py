# The network of one_stage_vpl_voc.py: VPL's vision prototypes in the place of the texts for the
# CAMs and in the place of the decoder's classifier, with regional contrast.
_base_ = ['./one_stage_voc.py']
model = dict(decode_head=dict(
    embed_dims=512,
    classifier='prototypes',
    # what the first phase wrote; it is read once, when a training begins
    prototypes=dict(checkpoint='work_dirs/vision_prototypes.pth',
                    key='cam_head.prototypes.vectors'),
    rsc=dict(type='mmwsss.RSCLoss'),
))
stages = None  # one_stage_vpl_voc.py has them
