import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsss.models.affinity import EdgeTTAModel


class Wrapped(nn.Module):
    def test_step(self, data):
        raise NotImplementedError('the tests hand over the views themselves')


def make_view(logits, flip=False, direction='horizontal'):
    sample = SegDataSample(
        metainfo={
            'img_path': 'a.jpg',
            'flip': flip,
            'flip_direction': direction if flip else None,
        }
    )
    sample.edge_view = PixelData(data=logits)
    return sample


def merge(*views):
    (merged,) = EdgeTTAModel(Wrapped()).merge_preds([list(views)])
    return merged


@pytest.mark.parametrize(('direction', 'axis'), [('horizontal', 2), ('vertical', 1)])
def test_logits_are_flipped_back_and_averaged_before_the_sigmoid(direction, axis):
    one, other = 4 * torch.randn(2, 1, 3, 5)
    merged = merge(make_view(one), make_view(other, flip=True, direction=direction))
    expected = torch.sigmoid(one[0] / 2 + other.flip(axis)[0] / 2)
    torch.testing.assert_close(merged.pred_edge, expected)
    assert merged.pred_edge.shape == (3, 5)
    assert 'edge_view' not in merged


def test_logits_by_hand():
    """Logits 8 and 0 average to 4; probabilities would average to 0.75."""
    merged = merge(make_view(torch.full((1, 1, 1), 8.0)), make_view(torch.zeros(1, 1, 1)))
    assert merged.pred_edge.item() == pytest.approx(0.98201, abs=1e-5)


def test_one_view_is_enough():
    logits = torch.randn(1, 3, 5)
    torch.testing.assert_close(merge(make_view(logits)).pred_edge, logits[0].sigmoid())


def test_other_scales_are_refused():
    with pytest.raises(ValueError, match=r'a\.jpg differ in size.*flips only'):
        merge(make_view(torch.zeros(1, 3, 5)), make_view(torch.zeros(1, 5, 3)))
