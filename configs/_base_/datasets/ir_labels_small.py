# ir_labels.py for small images and CPUs.
_base_ = ['./ir_labels.py']
ir_label_view = dict(type='mmwsss.RandomView', size=256, ratio_range=(0.8, 1.5), crop_size=256)
ir_label_train_pipeline = [*_base_.load_both, ir_label_view, _base_.pack_label]
