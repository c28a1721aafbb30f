# For a network too large for one GPU: the processes share out its parameters, gradients and
# optimiser states (FSDP), and each gathers a block's only while it runs. A plug-in for configs that
# train in several processes. The checkpoint is that of any other training.
runner_type = 'FlexibleRunner'
strategy = dict(
    type='FSDPStrategy',
    state_dict_cfg='full',
    model_wrapper=dict(type='MMFullyShardedDataParallel',
                       auto_wrap_policy='mmwsss.wrap_clip_blocks'),
)
