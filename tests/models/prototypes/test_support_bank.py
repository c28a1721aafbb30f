import copy
from collections import deque

import numpy as np
import pytest
import torch

from mmwsss.models.prototypes import SupportBank, support_bank


def stored(bank, index):
    """Rows of a class, oldest first."""
    count, cursor = int(bank.count[index]), int(bank.cursor[index])
    order = [(cursor - count + i) % bank.length for i in range(count)]
    return bank.entries[index, order]


def test_the_bank_is_a_queue_of_each_class():
    generator = torch.Generator().manual_seed(0)
    bank = SupportBank(num_classes=3, channels=2, length=4, num_prototypes=2)
    queues = [deque(maxlen=4) for _ in range(3)]
    for _ in range(12):
        # up to 9 rows at once: also more of one class than the bank is long
        number = int(torch.randint(0, 10, (1,), generator=generator))
        rows = torch.randn(number, 2, generator=generator)
        index = torch.randint(0, 3, (number,), generator=generator)
        kept = torch.rand(number, generator=generator) < 0.7
        bank.enqueue(rows, index, kept)
        for row, n in zip(rows[kept].tolist(), index[kept].tolist(), strict=True):
            queues[n].append(row)
        for n, queue in enumerate(queues):
            assert stored(bank, n).tolist() == list(queue)


def test_the_oldest_gives_way_by_hand():
    bank = SupportBank(1, 1, length=3)
    bank.enqueue(torch.tensor([[1.0], [2.0]]), torch.zeros(2, dtype=torch.long))
    assert bank.count.tolist() == [2]
    bank.enqueue(torch.tensor([[3.0], [4.0]]), torch.zeros(2, dtype=torch.long))
    assert sorted(bank.entries[0, :, 0].tolist()) == [2, 3, 4]
    bank.enqueue(torch.arange(10.0, 17.0)[:, None], torch.zeros(7, dtype=torch.long))
    assert stored(bank, 0)[:, 0].tolist() == [14, 15, 16]
    assert bank.count.tolist() == [3]


def test_rows_in_two_portions_or_at_once_are_the_same():
    rows, index = torch.rand(11, 2), torch.arange(11) % 2
    whole, parts = SupportBank(2, 2, length=4), SupportBank(2, 2, length=4)
    whole.enqueue(rows, index)
    for part in (slice(0, 3), slice(3, 3), slice(3, 11)):
        parts.enqueue(rows[part], index[part])
    for n in range(2):
        assert stored(whole, n).equal(stored(parts, n))


def test_entries_are_raw_or_of_unit_length():
    rows, index = torch.tensor([[3.0, 4.0]]).requires_grad_(), torch.tensor([0])
    raw, unit = SupportBank(1, 2), SupportBank(1, 2, normalize=True)
    raw.enqueue(rows, index)
    unit.enqueue(rows, index)
    assert raw.entries[0, 0].tolist() == [3, 4]
    torch.testing.assert_close(unit.entries[0, 0], torch.tensor([0.6, 0.8]))
    assert not raw.entries.requires_grad


def test_the_defaults_are_those_of_the_paper():
    bank = SupportBank(2, 3)
    assert bank.entries.shape == (2, 1000, 3)
    assert bank.context.shape == (2, 50, 3)


def test_context_prototypes_are_the_means_of_separated_groups():
    bank = SupportBank(2, 2, length=20, num_prototypes=3)
    centers = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    rows = centers.repeat(4, 1) + 0.1 * torch.rand(
        12, 2, generator=torch.Generator().manual_seed(0)
    )
    bank.enqueue(rows, torch.ones(12, dtype=torch.long))
    bank.update_context(seed=0)
    assert bank.context_count.tolist() == [0, 3]
    assert not bank.context[0].any()
    found = sorted(bank.context[1].round(decimals=3).tolist())
    expected = sorted(rows.view(4, 3, 2).mean(0).round(decimals=3).tolist())
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_only_the_filled_part_is_clustered():
    bank = SupportBank(1, 1, length=10, num_prototypes=5)
    bank.enqueue(torch.tensor([[7.0], [9.0]]), torch.tensor([0, 0]))
    bank.update_context(seed=0)
    assert bank.context_count.tolist() == [2]  # the zeros of the empty slots are no entries
    assert sorted(bank.context[0, :, 0].tolist()) == [0, 0, 0, 7, 9]


def test_duplicates_make_fewer_context_prototypes():
    bank = SupportBank(1, 1, length=10, num_prototypes=3)
    bank.enqueue(torch.tensor([[7.0], [7.0], [7.0]]), torch.tensor([0, 0, 0]))
    bank.update_context(seed=0)
    assert bank.context_count.tolist() == [1]
    assert bank.context[0, :, 0].tolist() == [7, 0, 0]


def test_old_context_prototypes_do_not_stay_behind():
    bank = SupportBank(1, 1, length=3, num_prototypes=3)
    bank.enqueue(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([0, 0, 0]))
    bank.update_context(seed=0)
    bank.enqueue(torch.tensor([[8.0], [8.0], [8.0]]), torch.tensor([0, 0, 0]))
    bank.update_context(seed=1)
    assert bank.context_count.tolist() == [1]
    assert bank.context[0, :, 0].tolist() == [8, 0, 0]


def test_a_class_that_was_forgotten_has_no_context_prototypes_any_more():
    """Zeros are none, and a head would weight them as if they were."""
    bank = SupportBank(2, 1, length=4, num_prototypes=3)
    bank.enqueue(torch.tensor([[1.0], [2.0], [5.0]]), torch.tensor([0, 0, 1]))
    bank.update_context(seed=0)
    assert bank.context_count.tolist() == [2, 1]
    bank.empty()
    assert bank.context_count.tolist() == [2, 1]  # they stay until the next update
    bank.enqueue(torch.tensor([[7.0]]), torch.tensor([1]))
    bank.update_context(seed=0)
    assert bank.context_count.tolist() == [0, 1]
    assert bank.context[:, :, 0].tolist() == [[0, 0, 0], [7, 0, 0]]


def test_clustering_is_seeded():
    bank = SupportBank(1, 3, length=60, num_prototypes=9)
    bank.enqueue(
        torch.rand(60, 3, generator=torch.Generator().manual_seed(0)),
        torch.zeros(60, dtype=torch.long),
    )
    results = []
    for seed in (5, 5, 6, 7, 8):
        torch.manual_seed(len(results))
        bank.update_context(seed)
        results.append(bank.context.clone())
    assert results[0].equal(results[1])
    assert any(not results[0].equal(other) for other in results[2:])


def test_each_class_has_its_own_seed(monkeypatch):
    seeds = []

    def record(entries, num_clusters, seed):
        seeds.append(seed)
        return torch.zeros(len(entries), dtype=torch.long)

    monkeypatch.setattr(support_bank, 'cluster_assignment', record)
    bank = SupportBank(3, 2)
    bank.enqueue(torch.rand(3, 2), torch.tensor([0, 2, 2]))
    bank.update_context(seed=100)
    assert seeds == [100, 102]


def test_an_empty_bank_says_what_to_do():
    with pytest.raises(ValueError, match='warmup_epochs'):
        SupportBank(2, 3).update_context(seed=0)


def test_a_restored_bank_goes_on_to_the_bit():
    bank = SupportBank(2, 3, length=4, num_prototypes=2)
    bank.enqueue(torch.rand(6, 3), torch.tensor([0, 0, 0, 0, 0, 1]))
    bank.update_context(seed=0)
    restored = SupportBank(2, 3, length=4, num_prototypes=2)
    restored.load_state_dict(copy.deepcopy(bank.state_dict()))
    rows = torch.rand(3, 3)
    for each in (bank, restored):
        each.enqueue(rows, torch.tensor([0, 1, 0]))
        each.update_context(seed=1)
    for name, value in bank.state_dict().items():
        assert value.equal(restored.state_dict()[name]), name


def test_a_bank_of_other_classes_is_refused():
    message = r"3 classes and the model 2 .*; with background='prototype' .* counts as a class"
    with pytest.raises(ValueError, match=message):
        SupportBank(2, 4).load_state_dict(SupportBank(3, 4).state_dict())
