# CPAL Table 1, rows II to V; row I is the host alone. Without the self-supervised loss nothing of
# the bank reaches the CAM: compare the PACAM.
grid = {
    'II': {'num_neighbors': None, 'positiveness': 'none', 'statistic': 'none', 'loss_weight': 0.0},
    'III': {'statistic': 'none', 'loss_weight': 0.0},
    'IV': {'loss_weight': 0.0},
    'V': {},
}
prefix = 'model.prototype_head.'
