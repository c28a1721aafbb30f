# VPL Table 5: the temperature of the vision prototypes.
grid = {f'tau_I = {tau}': {'tau_image': tau} for tau in (0.01, 0.02, 0.03, 0.04, 0.05)}
prefix = 'model.cam_head.prototypes.'
