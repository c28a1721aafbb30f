# The PACAM of a finished host, without training: one pass fills the bank, k-means, seeds.
# Train the host first: tools/run_pipeline.py configs/irn/irn_voc.py --until cam
_base_ = ['./irn_cpal_voc.py']
model = dict(
    prototype_head=dict(
        # side convolutions would be untrained
        projection=dict(_delete_=True, type='mmwsss.IdentityProjection', in_channels=2048),
        center=True,
    )
)
load_from = 'work_dirs/irn_voc/cam/epoch_5.pth'
train_cfg = dict(_delete_=True, type='mmwsss.BankFillLoop')
for index in (3, 5, 7):  # CRF, ir_labels, random walk
    _base_.pipeline[index].source = 'pacam'
del index
_base_.pipeline[3].bg_threshold = 'best'
_base_.pipeline[3].scores = 'seed_scores'
