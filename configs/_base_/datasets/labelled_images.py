# Images with image labels, as IRN sees them; a data set's base says which images these are.
load, pack = dict(type='mmwsss.LoadImage'), dict(type='mmwsss.PackImageLabelInputs')
train_pipeline = [
    load,
    # the long side is drawn evenly from 320..640
    dict(type='mmwsss.RandomView', size=640, ratio_range=(0.5, 641 / 640), crop_size=512),
    pack,
]
test_pipeline = [load, pack]
tta_pipeline = [load, dict(type='mmwsss.MultiScaleFlip', scales=(1.0, 0.5, 1.5, 2.0))]
tta_model = dict(type='mmwsss.CAMTTAModel')
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='mmwsss.ImageLabelDataset', pipeline=train_pipeline),
)
seed_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmwsss.ImageLabelDataset', pipeline=tta_pipeline, test_mode=True),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmwsss.ImageLabelDataset', pipeline=test_pipeline, load_masks=True,
                 test_mode=True),
)
test_evaluator = dict(type='mmwsss.SeedMetric')
