# VPL Table 4: a single prompt or an ensemble, text or vision prototypes. With zero iterations the
# vision prototypes stay the text's.
grid = {
    'text, single': {'text.templates': 'template_single', 'prototypes.iterations': 0},
    'text, ensemble': {'prototypes.iterations': 0},
    'vision, single': {'text.templates': 'template_single'},
    'vision, ensemble': {},
}
prefix = 'model.cam_head.'
