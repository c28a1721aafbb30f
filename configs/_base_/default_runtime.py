default_scope = 'mmseg'
custom_imports = dict(imports=['mmwsss.registry'], allow_failed_imports=False)
env_cfg = dict(
    cudnn_benchmark=False,
    # no process is forked from one that has threads; on Windows they are spawned
    mp_cfg=dict(mp_start_method='forkserver', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False
val_cfg = None
test_cfg = dict(type='TestLoop')
# A plug-in adds to this list: custom_hooks = _base_.custom_hooks + _base_.cpal_hooks
custom_hooks = [dict(type='mmwsss.EpochSeedHook', seed=0), dict(type='mmwsss.NonFiniteLossHook')]
default_hooks = dict(
    batch=dict(type='mmwsss.TotalBatchSizeHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=True),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # two are kept: the older one serves if a run is cut off while it writes the newer
    checkpoint=dict(type='CheckpointHook', by_epoch=True, interval=1, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
)
