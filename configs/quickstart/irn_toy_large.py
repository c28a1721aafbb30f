# IRN on toy scenes that are enlarged before the network sees them: maps of more cells, at nearly
# three times the cost. docs/methods/cpal.md compares host and plug-in on it.
_base_ = ['./irn_toy.py']
_base_.train_dataloader.dataset.pipeline[1].scale = (320, 320)
_base_.train_dataloader.dataset.pipeline[3].crop_size = (256, 256)
for views in (_base_.tta_pipeline, _base_.seed_dataloader.dataset.pipeline):
    for view, scale in zip(views[1].transforms[0], (1.5, 2.25), strict=True):
        view.scale_factor = scale
del views, view, scale
# found by tools/search_thresholds.py on another random seed
_base_.pipeline[5].fg_threshold = 0.5
_base_.pipeline[5].bg_threshold = 0.2
