# Where VPL is silent: what an example is, how targets are made, which prototypes learn.
grid = {
    'regions': {},
    'pixels': {'sample': 'pixel'},
    'images': {'sample': 'image'},
    'regions, class level': {'regularization': 'class'},
    'classes alone': {'columns': 'classes'},
    'means as they are': {'normalize': False},
    'L-BFGS': {'solver': 'lbfgs'},
}
prefix = 'model.cam_head.prototypes.'
