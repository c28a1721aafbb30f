import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsss.models.data_samples import stack_masks


def make_samples(*masks):
    samples = [SegDataSample(metainfo={'img_path': f'{index}.jpg'}) for index in range(len(masks))]
    for sample, mask in zip(samples, masks, strict=True):
        if mask is not None:
            sample.gt_sem_seg = PixelData(data=mask[None])
    return samples


def test_masks_are_stacked_in_the_order_of_the_samples():
    masks = torch.arange(12).view(2, 2, 3)
    assert stack_masks(make_samples(*masks)).equal(masks)


def test_an_image_without_a_mask_is_named():
    samples = make_samples(torch.zeros(2, 3).long(), None)
    with pytest.raises(ValueError, match=r'1\.jpg carries no ir_label to learn from: set mask_dir'):
        stack_masks(samples, 'ir_label')
