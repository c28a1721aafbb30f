# CPAL Table 3: the score of positiveness.
grid = {name: {'positiveness': name} for name in ('l1', 'l2', 'cosine', 'dot')}
prefix = 'model.prototype_head.'
