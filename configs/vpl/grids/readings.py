# Readings of VPL: what an example is (Eq. 3 and 7 sum over pixels), how targets are made, which
# prototypes learn.
grid = {
    'regions': {},
    'pixels, 4 of a region': {'sample': 'pixel'},
    'pixels, 64 of a region': {'sample': 'pixel', 'num_pixels': 64},
    'images': {'sample': 'image'},
    'regions, class level': {'regularization': 'class'},
    'background names too': {'columns': 'all'},
    'means as they are': {'normalize': False},
    'projected gradient, as published': {'solver': 'gradient'},
}
prefix = 'model.cam_head.prototypes.'
