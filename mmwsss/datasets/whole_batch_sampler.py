"""The images of an epoch's whole batches, the same in any number of processes."""

from collections.abc import Sized

from mmengine.dataset import DefaultSampler

from mmwsss.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class WholeBatchSampler(DefaultSampler):
    """mmengine's `DefaultSampler` for a loader that leaves out a last batch which is not full.

    `DefaultSampler` repeats images until every process has as many, and these may fill one more
    batch than a single process has. Here an epoch is the whole joint batches of its images, dealt
    to the processes in turn.

    Args:
        dataset: The images; at least one joint batch.
        joint_batch: Images in the batches of all processes together, a multiple of their number.
        shuffle: Draw a new order in each epoch.
        seed: Of the order; one that the processes agree on when None.
    """

    def __init__(
        self, dataset: Sized, joint_batch: int, shuffle: bool = True, seed: int | None = None
    ) -> None:
        super().__init__(dataset, shuffle, seed)
        self.total_size = len(dataset) // joint_batch * joint_batch
        self.num_samples = self.total_size // self.world_size
