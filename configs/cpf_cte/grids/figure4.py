# CPF-CTE Figure 4: patches that top-k pooling counts. The values are ours: the figure's axis cannot
# be read from the text.
grid = {f'k = {k}': {'top_k': k} for k in (1, 2, 4, 6, 8, 16)}
prefix = 'model.cam_head.'
