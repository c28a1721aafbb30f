# CLIP-ES sees every image once, whole: sides rounded up to multiples of the patch.
clip_es_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='mmwsss.PillowResize', scale_factor=1.0, size_divisor=16),
    dict(type='mmwsss.PackImageLabelInputs'),
]
clip_es_tta_pipeline = [
    dict(type='mmwsss.LoadImage'),
    dict(type='mmwsss.MultiScaleFlip', size_divisor=16, flip=False),
]
# nothing is learnt here; plug-ins look at the images once, one by one
clip_es_train_dataloader = dict(batch_size=1, drop_last=False, sampler=dict(shuffle=False),
                                dataset=dict(pipeline=clip_es_pipeline))
