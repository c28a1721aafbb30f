# The temperature of CPAL's positiveness (Eq. 7), which is ours; 1 leaves the scores as they are.
grid = {f'temperature = {value}': {'temperature': value} for value in (0.1, 1, 10, 100)}
prefix = 'model.prototype_head.'
