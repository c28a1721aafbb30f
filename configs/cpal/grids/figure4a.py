# CPAL Figure 4 (a): the CAM threshold of the instance prototypes, which are then of the pixels over
# it in any config. The values are ours: the figure's axis cannot be read from the text.
grid = {
    f'tau = {tau}': {'tau': tau, 'instances': 'threshold'}
    for tau in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
}
prefix = 'model.prototype_head.'
