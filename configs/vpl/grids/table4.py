# VPL Table 4: a single prompt or an ensemble; text prototypes (no iteration), all text prototypes
# moved towards the regions (Liang et al. 2022), vision prototypes.
moved = {'prototypes.solver': 'shift', 'prototypes.columns': 'all'}
grid = {
    'text, single': {'text.templates': 'template_single', 'prototypes.iterations': 0},
    'text, ensemble': {'prototypes.iterations': 0},
    'modify gap, single': {'text.templates': 'template_single', **moved},
    'modify gap, ensemble': moved,
    'vision, single': {'text.templates': 'template_single'},
    'vision, ensemble': {},
}
prefix = 'model.cam_head.'
