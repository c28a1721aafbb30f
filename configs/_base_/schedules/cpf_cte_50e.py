# 50 epochs of Adam, batch 16: 2 at 1e-3, then 1e-4 (CPF-CTE Sec. 4.2).
# What learns is ViT-PCM's: at first all but the ViT, then its last 5 of 12 blocks as well. To
# freeze nothing: --cfg-options model.backbone.frozen_stages=-1
_base_ = ['./epochs.py']
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[2], gamma=0.1)]
train_cfg = dict(max_epochs=50)
cpf_cte_hooks = [
    dict(type='mmwsss.UnfreezeHook', epoch=2,
         modules=[f'backbone.layers.{index}' for index in range(7, 12)] + ['backbone.ln1']),
]
total_batch_size = 16  # in all processes together (CPF-CTE Sec. 4.2)
