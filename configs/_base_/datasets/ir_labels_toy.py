# ir_labels.py for images of 144 to 192 pixels per side, and CPUs.
_base_ = ['./ir_labels.py']
ir_label_view = dict(type='mmwsss.RandomView', size=192, ratio_range=(0.75, 1.25), crop_size=160)
ir_label_train_pipeline = [*_base_.load_both, ir_label_view, _base_.pack_label]
