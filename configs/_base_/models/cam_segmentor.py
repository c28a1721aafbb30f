# What all classification networks have: ImageNet's colours, padding to the largest of a batch.
model = dict(
    type='mmwsss.CAMSegmentor',
    data_preprocessor=dict(
        type='mmwsss.CAMDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=1,  # to the size of the largest image of a batch
    ),
)
