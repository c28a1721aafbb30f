# What the alignment of CPAL (Eq. 12) shifts.
grid = {name: {'apply_to': name} for name in ('anchor', 'feature', 'both')}
prefix = 'model.prototype_head.'
