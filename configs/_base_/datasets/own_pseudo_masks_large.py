# own_pseudo_masks.py for GPUs: the views of pseudo_masks.py, of photographs of about 500 pixels.
_base_ = ['./own.py', './pseudo_masks.py']
load, annotations = _base_.load_both
resize = dict(type='RandomResize', scale=(512, 512), ratio_range=(0.5, 2.0), resize_type='Resize',
              keep_ratio=True)
train_pipeline = [load, annotations, resize, dict(type='RandomCrop', crop_size=(321, 321)),
                  _base_.flip, _base_.pack]
test_pipeline = [load, dict(type='Resize', scale=(512, 512), keep_ratio=True), annotations,
                 _base_.pack]
tta_pipeline = [load, dict(_base_.views, scales=(), long_sides=(256, 384, 512, 640, 768))]
train_dataloader = dict(dataset=dict(dataset=_base_.images, pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(_base_.images, pipeline=test_pipeline))
