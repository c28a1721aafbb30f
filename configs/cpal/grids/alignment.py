# What CPAL's alignment (Eq. 12) takes the instances' mean of, with the self-supervised loss on:
# nothing, the class so far, or the batch, as printed.
grid = {
    'no alignment': {'statistic': 'none'},
    'running mean': {},
    'batch mean': {'statistic': 'batch'},
    'batch mean of two or more': {'statistic': 'batch', 'min_count': 2},
}
prefix = 'model.prototype_head.'
