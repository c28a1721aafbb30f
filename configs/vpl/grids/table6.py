# VPL Table 6: the threshold of the regions.
grid = {f'Phi = {phi}': {'phi': phi} for phi in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)}
prefix = 'model.cam_head.prototypes.'
