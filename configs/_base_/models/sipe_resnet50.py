# SIPE: IRN's network, and side features of all stages that prototypes of each image are made of.
_base_ = ['./irn_resnet50.py']
model = dict(
    cam_head=dict(
        type='mmwsss.SIPEHead',
        projection=dict(type='mmwsss.SideProjection'),
    ),
)
