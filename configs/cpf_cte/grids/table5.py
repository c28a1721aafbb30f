# CPF-CTE Table 5: the pooling of patches.
grid = {name: {'pooling': name} for name in ('avg', 'max', 'top_k')}
prefix = 'model.cam_head.'
