"""Of an epoch the whole joint batches, dealt to the processes in turn."""

import pytest
from mmengine.dataset import sampler

from mmwsss.datasets.whole_batch_sampler import WholeBatchSampler


@pytest.mark.parametrize('shuffle', [False, True])
def test_processes_share_what_one_alone_would_see(monkeypatch, shuffle):
    def dealt(rank, processes):
        monkeypatch.setattr(sampler, 'get_dist_info', lambda: (rank, processes))
        found = WholeBatchSampler(range(11), joint_batch=4, shuffle=shuffle, seed=7)
        found.set_epoch(3)
        assert len(found) == len(list(found))
        return list(found)

    alone = dealt(0, 1)
    assert len(alone) == len(set(alone)) == 8  # of 11 images two whole batches of 4
    assert (alone == list(range(8))) is not shuffle
    assert dealt(0, 2) == alone[::2] and dealt(1, 2) == alone[1::2]
