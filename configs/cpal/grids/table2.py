# CPAL Table 2: soft neighbours and positiveness.
grid = {
    'neither': {'num_neighbors': None, 'positiveness': 'none'},
    'neighbours, K = 20': {'positiveness': 'none'},
    'both, K = 10': {'num_neighbors': 10},
    'both, K = 20': {'num_neighbors': 20},
    'both, K = 50': {'num_neighbors': 50},
}
prefix = 'model.prototype_head.'
