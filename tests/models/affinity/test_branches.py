"""The branches alone; `test_irnet` has them written again, on a whole network."""

import pytest
import torch

from mmwsss.models.affinity.branches import DisplacementBranch, EdgeBranch

CHANNELS, STRIDES = (4, 8, 12, 16, 20), (4, 4, 8, 16, 16)


def features(size=(12, 20)):
    """Feature maps of an image of four times the size."""
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.randn(
            2, channels, -(-4 * size[0] // stride), -(-4 * size[1] // stride), generator=generator
        )
        for channels, stride in zip(CHANNELS, STRIDES, strict=True)
    )


@pytest.mark.parametrize('size', [(12, 20), (13, 7)])  # (13, 7): enlarged maps are cropped
def test_the_grid_is_that_of_the_second_map(size):
    xs = features(size)
    assert EdgeBranch(CHANNELS, STRIDES)(xs).shape == (2, 1, *size)
    assert DisplacementBranch(CHANNELS, STRIDES)(xs).shape == (2, 2, *size)


@pytest.mark.parametrize('branch', [EdgeBranch, DisplacementBranch])
@pytest.mark.parametrize('level', range(5))
def test_every_map_is_read(branch, level):
    torch.manual_seed(0)
    model, xs = branch(CHANNELS, STRIDES).eval(), list(features())
    before = model(tuple(xs))
    xs[level] = xs[level].flip(0)
    assert not torch.allclose(model(tuple(xs)), before)


def test_the_mean_shift_is_taken_away_in_evaluation_only():
    torch.manual_seed(0)
    branch, xs = DisplacementBranch(CHANNELS, STRIDES), features()
    branch.mean_shift.copy_(torch.tensor([3.0, -2.0]))
    learning, evaluated = branch.train()(xs), branch.eval()(xs)
    shift = (learning - evaluated).mean(dim=(0, 2, 3))
    torch.testing.assert_close(shift, torch.tensor([3.0, -2.0]))


@pytest.mark.parametrize('branch', [EdgeBranch, DisplacementBranch])
def test_another_number_of_maps_is_refused(branch):
    for channels, strides in ((CHANNELS[:4], STRIDES), (CHANNELS, STRIDES[:4])):
        with pytest.raises(ValueError, match='zip'):
            branch(channels, strides)
    with pytest.raises(ValueError, match='zip'):
        branch(CHANNELS, STRIDES)(features()[:4])
