# The PACAM of a finished host, without training: one pass fills the bank, k-means, seeds.
# Train the host first: tools/run_pipeline.py configs/irn/irn_voc.py --until cam
_base_ = ['./irn_cpal_voc.py']
model = dict(
    prototype_head=dict(
        # side convolutions would be untrained
        projection=dict(_delete_=True, type='mmwsss.IdentityProjection'),
        center=True,
    )
)
load_from = 'work_dirs/irn_voc/cam/epoch_5.pth'
train_cfg = dict(_delete_=True, type='mmwsss.BankFillLoop')
stages = dict(
    crf_masks=dict(source='pacam', bg_threshold='best', scores='seed_scores'),
    ir_labels=dict(source='pacam'),
    walk=dict(source='pacam'),
)
