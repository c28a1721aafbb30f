# CPAL Figure 4 (b): the length of the support bank (values ours).
grid = {f'length = {length}': {'bank.length': length} for length in (10, 20, 40, 80, 160, 1000)}
prefix = 'model.prototype_head.'
