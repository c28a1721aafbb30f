# CPAL Table 1, row II: plain context prototypes, all of them, with equal weights; no alignment.
# Without the self-supervised loss nothing of the bank reaches the CAM: compare the PACAM.
_base_ = ['../irn_cpal_threshold_toy.py']
model = dict(
    prototype_head=dict(num_neighbors=None, positiveness='none', statistic='none', loss_weight=0.0)
)
