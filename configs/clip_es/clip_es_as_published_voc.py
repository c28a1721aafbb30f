# CLIP-ES to the letter of its released code: maps in the size of the image, positions in half
# precision, boxes without the last row and column, a CRF on wrapped colours.
_base_ = ['./clip_es_voc.py']
model = dict(backbone=dict(half_positions=True), cam_head=dict(box_border=False))
tta_model = dict(full_size=True)
stages = dict(pseudo_masks=dict(crf='clip_es_released'))
