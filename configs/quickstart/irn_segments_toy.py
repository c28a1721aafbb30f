# IRN on toy scenes; masks of the CRF, and those after the walk, are voted per superpixel.
_base_ = ['./irn_toy.py']
stages = dict(
    segments=dict(type='MakeSegments', method='felzenszwalb'),
    crf_masks=dict(refiner='segments', segments='segments'),
    crf_scores=dict(title='after CRF and segments'),
    pseudo_masks=dict(refiner='segments', segments='segments'),
)
