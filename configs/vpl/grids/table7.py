# VPL Table 7: iterations of the projected gradient.
grid = {f'T_w = {number}': {'iterations': number, 'solver': 'gradient'}
        for number in (1000, 1500, 2000, 2500, 3000, 3500)}
prefix = 'model.cam_head.prototypes.'
