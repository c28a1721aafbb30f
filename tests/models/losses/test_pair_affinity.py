import torch
from mmengine import dist

from mmwsss.functional.one_stage import decoder_affinity
from mmwsss.models.losses import PairAffinityLoss


def scene():
    generator = torch.Generator().manual_seed(0)
    affinity = decoder_affinity(torch.randn(2, 3, 2, 4, generator=generator))
    masks = torch.zeros(2, 8, 16, dtype=torch.long)
    masks[0, :, 8:], masks[1, 4:] = 2, 255
    return affinity, masks


def naive(affinity, masks, radius=8):
    """Cell (y, x) has the label of the pixel in its middle, 4 y + 2, 4 x + 2."""
    same, different = [], []
    for b in range(2):
        for i in range(8):
            for j in range(8):
                one, other = (int(masks[b, 4 * (p // 4) + 2, 4 * (p % 4) + 2]) for p in (i, j))
                far = max(abs(i // 4 - j // 4), abs(i % 4 - j % 4)) > radius
                if not far and 255 not in (one, other):
                    value = float(affinity[b, i, j])
                    (same if one == other else different).append(value)
    return sum(1 - a for a in same) / len(same), sum(different) / len(different)


def test_the_loss_is_half_the_sum_of_two_means():
    affinity, masks = scene()
    for radius in (1, 8):
        same, different = naive(affinity, masks, radius)
        loss = PairAffinityLoss(1.0, radius)(affinity, masks, (2, 4))
        torch.testing.assert_close(float(loss), (same + different) / 2)
    tenth = PairAffinityLoss()(affinity, masks, (2, 4))
    torch.testing.assert_close(float(tenth), sum(naive(affinity, masks)) / 20)


def test_without_pairs_there_is_nothing_to_learn():
    affinity, masks = scene()
    affinity.requires_grad_()
    loss = PairAffinityLoss()(affinity, torch.full_like(masks, 255), (2, 4))
    loss.backward()
    assert loss == 0 and not affinity.grad.any()


def test_means_are_of_all_processes(monkeypatch):
    affinity, masks = scene()
    alone = PairAffinityLoss()(affinity, masks, (2, 4))
    monkeypatch.setattr(dist, 'all_reduce', lambda count: count.mul_(2))  # two with equal batches
    monkeypatch.setattr(dist, 'get_world_size', lambda: 2)
    torch.testing.assert_close(PairAffinityLoss()(affinity, masks, (2, 4)), alone)


def test_another_label_may_be_ignored():
    affinity, masks = scene()
    expected = PairAffinityLoss()(affinity, masks, (2, 4))
    found = PairAffinityLoss(ignore_index=7)(affinity, torch.where(masks == 255, 7, masks), (2, 4))
    torch.testing.assert_close(found, expected)
