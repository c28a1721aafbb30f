import pytest
import torch
from mmengine import dist

from mmwsss.models.prototypes.gather import gather_rows


def test_one_process_keeps_its_rows_without_gradient():
    rows, index = torch.rand(3, 2, requires_grad=True), torch.tensor([1, 0, 1])
    all_rows, all_index = gather_rows(rows, index, torch.arange(3))
    assert all_rows.equal(rows)
    assert all_index.equal(index)
    assert not all_rows.requires_grad


@pytest.mark.parametrize('counts', [(2, 3), (3, 2), (0, 2), (3, 0), (0, 0)])
def test_rows_of_all_processes_in_the_order_of_one(monkeypatch, counts):
    """Rank 0 of two, with a collective that plays rank 1."""
    rows = [torch.arange(2.0 * n).view(n, 2) + 10 * rank for rank, n in enumerate(counts)]
    labels = [torch.arange(n) + 5 * rank for rank, n in enumerate(counts)]
    images = [torch.arange(n) // 2 for n in counts]  # two rows of the first image

    def padded(part):  # what lies behind a rank's own rows must not matter
        return torch.cat([part, part.new_full((max(counts) - len(part), *part.shape[1:]), -7)])

    answers = iter(
        [
            [torch.tensor([n]) for n in counts],
            [padded(part) for part in rows],
            [padded(torch.stack(pair, dim=1)) for pair in zip(labels, images, strict=True)],
        ]
    )

    def all_gather(sent):
        answer = next(answers)
        assert all(sent.shape == part.shape for part in answer)  # a collective needs one shape
        assert sent[: counts[0]].equal(answer[0][: counts[0]])
        return answer

    monkeypatch.setattr(dist, 'get_world_size', lambda: 2)
    monkeypatch.setattr(dist, 'all_gather', all_gather)
    all_rows, all_labels = gather_rows(rows[0], labels[0], images[0])
    first, second = ([part[turn : turn + 2] for part in rows] for turn in (0, 2))
    assert all_rows.equal(torch.cat([*first, *second]))
    first, second = ([part[turn : turn + 2] for part in labels] for turn in (0, 2))
    assert all_labels.equal(torch.cat([*first, *second]))
