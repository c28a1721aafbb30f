# Views of networks that learn from ir_labels (IRNet, AMN).
load_both = [dict(type='mmwsss.LoadImage'), dict(type='LoadAnnotations')]
pack_label = dict(type='mmwsss.PackImageLabelInputs')
# 0.5 to 1.5 of the image, whose long side is 500 in VOC
ir_label_view = dict(type='mmwsss.RandomView', size=500, ratio_range=(0.5, 1.5), crop_size=512)
ir_label_train_pipeline = [*load_both, ir_label_view, pack_label]
# the boundaries of an image: one scale and its flip
edge_tta_pipeline = [load_both[0], dict(type='mmwsss.MultiScaleFlip')]
