"""Two processes that are played one after the other."""

import pytest
import torch
from mmengine import dist

from mmwsss.models.losses import joint_batch

PARTS = (torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[5.0, 6.0], [7.0, 8.0]]))


def play(monkeypatch, rank):
    monkeypatch.setattr(dist, 'get_world_size', lambda: 2)
    monkeypatch.setattr(dist, 'get_rank', lambda: rank)

    def all_gather(sent):
        assert sent.is_contiguous()
        parts = [part.to(sent.dtype) for part in PARTS]
        assert sent.equal(parts[rank])
        return parts

    monkeypatch.setattr(dist, 'all_gather', all_gather)


def test_one_process_keeps_its_part():
    assert joint_batch(PARTS[0]) is PARTS[0]


@pytest.mark.parametrize('rank', [0, 1])
def test_rows_come_in_the_order_of_ranks_and_the_gradient_is_that_of_the_joint_batch(
    monkeypatch, rank
):
    """DDP averages over processes, each of which has the gradient of its own rows alone."""
    play(monkeypatch, rank)
    part = PARTS[rank].T.clone().T.requires_grad_()  # not contiguous
    whole = joint_batch(part)
    assert whole.equal(torch.cat(PARTS))
    whole.square().sum().backward()
    torch.testing.assert_close(part.grad / 2, 2 * PARTS[rank])


def test_flags_stay_flags(monkeypatch):
    play(monkeypatch, 0)
    monkeypatch.setattr(dist, 'all_gather', lambda sent: [sent, 1 - sent])
    flags = torch.tensor([True, False])
    assert joint_batch(flags).tolist() == [True, False, False, True]
