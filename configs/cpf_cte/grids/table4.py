# CPF-CTE Table 4: class tokens and context fusion.
grid = {
    'neither': {'attachment': 'none', 'context.direction': 'none'},
    'class tokens': {'context.direction': 'none'},
    'context fusion': {'attachment': 'none'},
    'both': {},
}
prefix = 'model.cam_head.'
