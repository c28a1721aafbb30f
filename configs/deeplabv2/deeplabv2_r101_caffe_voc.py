# DeepLabV2 as in Caffe, for converted weights: tools/model_converters/deeplabv2.py makes the file
# to test or to give as load_from. Stride in the 1x1 convolutions, pooling of partial windows, BGR
# minus the mean.
_base_ = ['./deeplabv2_r101_voc.py']
model = dict(
    data_preprocessor=dict(mean=[104.008, 116.669, 122.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    backbone=dict(type='mmwsss.ResNetCeilPool', style='caffe', init_cfg=None),
)
