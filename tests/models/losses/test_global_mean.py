import pytest
import torch
from mmengine import dist

from mmwsss.models.losses import global_mean


def test_one_process_is_a_plain_mean():
    total = torch.tensor([6.0, 5.0], requires_grad=True)
    count = torch.tensor([3.0, 0.5])
    mean = global_mean(total, count)
    assert mean.tolist() == [2.0, 5.0]  # a count below one does not blow the mean up
    mean.sum().backward()
    torch.testing.assert_close(total.grad, torch.tensor([1 / 3, 1.0]))
    assert count.tolist() == [3.0, 0.5]


def test_nothing_counted_is_zero_with_zero_gradient():
    values = torch.rand(3, requires_grad=True)
    mean = global_mean((values * 0).sum(), torch.tensor(0.0))
    mean.backward()
    assert mean == 0
    assert values.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize('counts', [(3, 1), (4, 0)])
def test_the_average_over_processes_is_the_mean_of_the_joint_batch(monkeypatch, counts):
    """DDP averages; the ranks are played one after the other."""
    parts = [torch.rand(n) for n in counts]
    own = torch.tensor([float(n) for n in counts])
    monkeypatch.setattr(dist, 'get_world_size', lambda: 2)
    monkeypatch.setattr(dist, 'all_reduce', lambda count: count.copy_(own.sum()))
    locals_ = [
        global_mean(part.sum(), count.clone()) for part, count in zip(parts, own, strict=True)
    ]
    torch.testing.assert_close(sum(locals_) / 2, torch.cat(parts).mean())
