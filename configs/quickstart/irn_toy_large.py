# IRN on toy scenes, seen at twice their size: maps of twice as many cells, at four times the cost.
# docs/methods/cpal.md compares host and plug-in on it.
_base_ = ['./irn_toy.py']
_base_.train_dataloader.dataset.pipeline[1].scale = (320, 320)
_base_.train_dataloader.dataset.pipeline[3].crop_size = (256, 256)
for views in (_base_.tta_pipeline, _base_.seed_dataloader.dataset.pipeline):
    for view, scale in zip(views[1].transforms[0], (1.5, 2.25), strict=True):
        view.scale_factor = scale
del views, view, scale
