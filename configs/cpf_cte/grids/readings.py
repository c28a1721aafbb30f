# The readings of CPF-CTE that its paper leaves open.
grid = {
    'softmax': {'activation': 'softmax'},  # that of cpf_cte_voc.py
    'hard tokens': {'attachment': 'hard'},
    'a stream per class': {'attachment': 'per_class'},
    'rows + columns': {'context.direction': 'hv_sum'},
    'raster': {'context.direction': 'raster'},
    'snake': {'context.direction': 'snake'},
    'projected back': {'project_back': True},
    'softmax, no background': {'activation': 'softmax_fg'},
    'sigmoid': {'activation': 'sigmoid'},
    'Eq. 10 as printed': {'normalize_seeds': False},
}
prefix = 'model.cam_head.'
