import pytest
import torch

from mmwsss.models.prototypes.prototype_aware_cam_settings import PrototypeAwareCAMSettings
from mmwsss.models.prototypes.running_mean import RunningMean


def test_the_first_update_sets_and_later_ones_move():
    running = RunningMean(rows=3, channels=2, momentum=0.75)
    running.update(torch.tensor([[4.0, 8.0], [0.0, 0.0], [1.0, 1.0]]), torch.tensor([2, 0, 1]))
    assert running.mean.tolist() == [[2.0, 4.0], [0.0, 0.0], [1.0, 1.0]]
    assert running.updates.tolist() == [1, 0, 1]
    running.update(torch.tensor([[12.0, 7.0], [5.0, 5.0], [0.0, 0.0]]), torch.tensor([2, 1, 0]))
    # weights 0.75 and 1 over their sum: (0.75 * 2 + 6) / 1.75 = 30 / 7, (0.75 * 4 + 3.5) / 1.75
    expected = [[30 / 7, 26 / 7], [5.0, 5.0], [1.0, 1.0]]
    torch.testing.assert_close(running.mean, torch.tensor(expected))
    assert running.updates.tolist() == [2, 1, 1]


def naive_adam(values, momentum):
    """Adam's first moment, divided by ``1 - momentum^t``."""
    moment = 0.0
    for value in values:
        moment = momentum * moment + (1 - momentum) * value
    return moment / (1 - momentum ** len(values))


@pytest.mark.parametrize('momentum', [0.0, 0.9, 0.99])
def test_many_updates_equal_a_plain_loop(momentum):
    generator = torch.Generator().manual_seed(0)
    running, values = RunningMean(1, 1, momentum).double(), []
    for _ in range(30):
        count = int(torch.randint(0, 3, (1,), generator=generator))
        rows = torch.randn(count, 1, generator=generator, dtype=torch.float64)
        running.update(rows.sum(0, keepdim=True), torch.tensor([count]))
        if count:
            values.append(sum(rows[:, 0].tolist()) / count)
            torch.testing.assert_close(running.mean.item(), naive_adam(values, momentum))


def test_the_first_value_weighs_no_more_than_the_others():
    """A first value of 1 and zeros after it: 1 / 50 or so of it is left, not .99^49 = .61."""
    running = RunningMean(1, 1, momentum=0.99)
    for step in range(50):
        running.update(torch.tensor([[float(step == 0)]]), torch.tensor([1]))
    assert running.mean.item() == pytest.approx(0.99**49 * 0.01 / (1 - 0.99**50))
    assert running.mean.item() < 1 / 50


def test_in_the_long_run_it_is_an_exponential_mean():
    running = RunningMean(1, 1, momentum=0.9)
    running.updates.fill_(10_000)
    running.update(torch.tensor([[5.0]]), torch.tensor([1]))
    assert running.mean.item() == pytest.approx(0.5)


def test_a_checkpoint_without_counts_goes_on_as_it_was():
    """It says of a row only that it was seen, and its mean moves by 1 - momentum."""
    running = RunningMean(2, 1, momentum=0.75)
    state = {'a.mean': torch.tensor([[4.0], [0.0]]), 'a.seen': torch.tensor([True, False])}
    torch.nn.ModuleDict({'a': running}).load_state_dict(dict(state))
    running.update(torch.tensor([[8.0], [8.0]]), torch.tensor([1, 1]))
    assert running.mean.flatten().tolist() == [5.0, 8.0]
    assert list(running.state_dict()) == ['mean', 'updates']


@pytest.mark.parametrize('momentum', [1.0, -0.1])
def test_a_momentum_out_of_range(momentum):
    with pytest.raises(ValueError, match=r'must lie in \[0, 1\), not'):
        RunningMean(1, 1, momentum)
    with pytest.raises(
        ValueError, match=r'prototype_head\.momentum is .*; it must lie in \[0, 1\)$'
    ):
        PrototypeAwareCAMSettings(momentum=momentum)


def test_an_update_without_rows_keeps_the_bits():
    running = RunningMean(1, 3, momentum=0.99)
    running.update(torch.rand(1, 3), torch.tensor([3]))
    before = running.mean.clone()
    running.update(torch.zeros(1, 3), torch.tensor([0]))
    assert running.mean.equal(before)


def test_the_state_is_in_buffers_without_gradient():
    running, other = RunningMean(2, 3, 0.5), RunningMean(2, 3, 0.5)
    running.update(torch.rand(2, 3, requires_grad=True), torch.tensor([1, 0]))
    assert not running.mean.requires_grad
    assert not list(running.parameters())
    other.load_state_dict(running.state_dict())
    for module in (running, other):
        module.update(torch.ones(2, 3), torch.tensor([1, 1]))
    assert running.mean.equal(other.mean)  # also says that `updates` travelled
