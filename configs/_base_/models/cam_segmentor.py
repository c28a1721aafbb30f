# What all classification networks have: the colours that the backbone was trained with, ImageNet's
# if it says nothing else, and padding to the largest of a batch.
model = dict(
    type='mmwsss.CAMSegmentor',
    data_preprocessor=dict(
        type='mmwsss.CAMDataPreProcessor',
        bgr_to_rgb=True,
        size_divisor=1,  # to the size of the largest image of a batch
    ),
)
