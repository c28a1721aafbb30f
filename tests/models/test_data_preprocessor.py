import pytest
import torch
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsss.models.data_preprocessor import CAMDataPreProcessor, SegDataPreProcessor
from mmwsss.registry import MODELS

NORMALISE = {'mean': [10.0, 20.0, 30.0], 'std': [2.0, 4.0, 5.0], 'bgr_to_rgb': True}


def sample_of(valid=None, seg=None):
    sample = SegDataSample(metainfo={'img_path': 'x/a.jpg'})
    sample.gt_label = LabelData(multi_hot=torch.tensor([0.0, 1.0]))
    if valid is not None:
        sample.valid_mask = PixelData(data=valid)
    if seg is not None:
        sample.gt_sem_seg = PixelData(data=seg)
    return sample


def image(height, width, value=60):
    return torch.full((3, height, width), value, dtype=torch.uint8)


def test_padding_of_pipeline_and_batch_is_zero_after_normalisation():
    valid = torch.zeros((1, 3, 4), dtype=torch.uint8)
    valid[:, 1:, :3] = 1
    preprocessor = CAMDataPreProcessor(size=(5, 6), **NORMALISE)
    seg = torch.ones((1, 3, 4), dtype=torch.int64)
    batch = {
        'inputs': [image(3, 4), image(5, 2)],
        'data_samples': [sample_of(valid, seg), sample_of()],
    }
    out = preprocessor(batch, training=True)

    expected_valid = torch.zeros((2, 1, 5, 6), dtype=torch.uint8)
    expected_valid[0, :, 1:3, :3] = 1
    expected_valid[1, :, :, :2] = 1
    values = torch.tensor([25.0, 10.0, 6.0]).view(1, 3, 1, 1)  # (60 - mean) / std
    torch.testing.assert_close(out['inputs'], values * expected_valid)
    for sample, mask in zip(out['data_samples'], expected_valid, strict=True):
        assert torch.equal(sample.valid_mask.data, mask)
        assert sample.valid_mask.data.dtype == torch.uint8
        assert sample.pad_shape == (5, 6)
        assert torch.equal(sample.gt_label.multi_hot, torch.tensor([0.0, 1.0]))
    assert tuple(out['data_samples'][1].img_shape) == (5, 2)
    assert (out['data_samples'][0].gt_sem_seg.data[0, 3:] == 255).all()


@pytest.mark.parametrize('turns', [True, False])
def test_channels_are_turned_and_normalised_as_mmseg_does_it(turns):
    options = {**NORMALISE, 'bgr_to_rgb': turns}
    inputs = [torch.arange(24, dtype=torch.uint8).view(3, 2, 4) for _ in range(2)]
    ours, theirs = CAMDataPreProcessor(**options), SegDataPreProcessor(**options)
    for _ in range(2):  # also the second time
        expected = theirs({'inputs': inputs})['inputs']
        torch.testing.assert_close(ours({'inputs': inputs})['inputs'], expected)


def test_images_of_four_channels_are_not_turned():
    channels = torch.arange(4, dtype=torch.uint8).view(4, 1, 1).expand(4, 2, 2)
    found = CAMDataPreProcessor(bgr_to_rgb=True)({'inputs': [channels]})['inputs']
    assert found[0, :, 0, 0].tolist() == [0, 1, 2, 3]


def test_training_with_a_divisor():
    preprocessor = CAMDataPreProcessor(size_divisor=4, **NORMALISE)
    batch = {'inputs': [image(3, 5), image(4, 2)], 'data_samples': [sample_of(), sample_of()]}
    out = preprocessor(batch, training=True)
    assert out['inputs'].shape == (2, 3, 4, 8)
    assert [int(s.valid_mask.data.sum()) for s in out['data_samples']] == [15, 8]


def test_a_single_image_in_a_test():
    out = CAMDataPreProcessor(size_divisor=4, **NORMALISE)(
        {'inputs': [image(3, 5)], 'data_samples': [sample_of()]}
    )
    assert out['inputs'].shape == (1, 3, 3, 5)
    assert torch.equal(
        out['data_samples'][0].valid_mask.data, torch.ones((1, 3, 5), dtype=torch.uint8)
    )
    assert out['data_samples'][0].pad_shape == (3, 5)


@pytest.mark.parametrize('stacked', [False, True])
def test_padding_in_a_test(stacked):
    images = [image(3, 5), image(3, 5, 80)]
    preprocessor = CAMDataPreProcessor(pad_val=9, test_cfg={'size_divisor': 4}, **NORMALISE)
    out = preprocessor(
        {
            'inputs': torch.stack(images) if stacked else images,
            'data_samples': [sample_of(), sample_of()],
        }
    )
    assert out['inputs'].shape == (2, 3, 4, 8)
    assert (out['inputs'][..., 3:, :] == 0).all()
    assert (out['inputs'][..., 5:] == 0).all()
    assert (out['inputs'][1, 0, :3, :5] == 35).all()
    assert out['data_samples'][0].img_padding_size == (0, 3, 0, 1)
    assert out['data_samples'][0].valid_mask.data.sum() == 15


def test_a_test_without_samples():
    out = CAMDataPreProcessor(**NORMALISE)({'inputs': [image(3, 5)]})
    assert out['inputs'].shape == (1, 3, 3, 5)
    assert out['data_samples'] is None


def test_a_valid_mask_of_another_size():
    batch = {
        'inputs': [image(3, 5)],
        'data_samples': [sample_of(torch.ones((1, 3, 4), dtype=torch.uint8))],
    }
    with pytest.raises(ValueError, match=r'mask of x/a\.jpg is \(3, 4\), its image \(3, 5\); Rand'):
        CAMDataPreProcessor(size=(5, 6))(batch, training=True)


def test_registered():
    assert MODELS.module_dict['CAMDataPreProcessor'] is CAMDataPreProcessor
