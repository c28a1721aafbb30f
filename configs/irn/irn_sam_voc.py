# IRN with masks of SAM: those after the walk are voted as Chen et al. (2023) select and merge them.
_base_ = ['./irn_voc.py']
stages = dict(
    segments=dict(type='MakeSegments', method='sam',
                  options=dict(model='vit_h', checkpoint='sam_vit_h_4b8939.pth')),
    # o_1 and o_2 of their code; of conflicts between classes it lets the highest index win
    pseudo_masks=dict(refiner='segments', segments='segments', min_share=0.5, min_covered=0.85,
                      background_votes=False, unelected='background', conflict='surest'),
)
