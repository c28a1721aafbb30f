# Views of networks that learn from ir_labels (IRNet, AMN).
ir_label_train_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='LoadAnnotations'),
    # 0.5 to 1.5 of the image, whose long side is 500 in VOC
    dict(type='mmwsss.RandomView', size=500, ratio_range=(0.5, 1.5), crop_size=512),
    dict(type='mmwsss.PackImageLabelInputs'),
]
# the boundaries of an image: one scale and its flip
edge_tta_pipeline = [dict(type='mmwsss.LoadImage'), dict(type='mmwsss.MultiScaleFlip')]
