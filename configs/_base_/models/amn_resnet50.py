# AMN: a segmentation head with a label gate on ResNet-50 at stride 16 without dilation.
_base_ = ['./irn_resnet50.py']
model = dict(
    backbone=dict(frozen_stages=0),  # only the stem: AMN detaches nothing
    cam_head=dict(_delete_=True, type='mmwsss.AMNHead'),
)
