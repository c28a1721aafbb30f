"""The batch of all processes together: said once, as ``total_batch_size``."""

import os

from mmengine.config import Config

_PROCESSES = {  # what a launcher tells its processes
    'pytorch': 'WORLD_SIZE',
    'slurm': 'SLURM_NTASKS',
    'mpi': 'OMPI_COMM_WORLD_SIZE',
}


def share_batch(config: Config, processes: int) -> None:
    """Give each process its part of the joint batch.

    Args:
        config: Changed in place: ``train_dataloader.batch_size`` becomes ``total_batch_size``
            divided by the processes. Without a ``total_batch_size``, and with mmengine's
            ``auto_scale_lr``, which fits the rate to any batch, ``batch_size`` is as it says.
        processes: That train together.

    Raises:
        ValueError: The batch cannot be shared evenly, or a stated ``batch_size`` makes another.
    """
    total = config.get('total_batch_size')
    if not total:
        return
    if _scales_rate(config):
        config.auto_scale_lr.setdefault('base_batch_size', total)
        config.train_dataloader.setdefault('batch_size', max(1, total // processes))
        return
    stated = config.train_dataloader.get('batch_size')
    if stated is not None and stated * processes != total:
        raise ValueError(
            f'train_dataloader.batch_size={stated} in {processes} process(es) is not the batch of '
            f'{total} that total_batch_size says for all together: set total_batch_size alone'
        )
    if total % processes:
        fitting = [count for count in range(1, total + 1) if total % count == 0]
        raise ValueError(
            f'a batch of {total} (total_batch_size) cannot be shared by {processes} processes: '
            f'use one of {fitting}, or set total_batch_size'
        )
    config.train_dataloader.batch_size = total // processes


def training_processes(config: Config, gpus: int) -> int:
    """Return how many of `gpus` processes can share the batch evenly: as many as possible."""
    total = config.get('total_batch_size')
    if not total or _scales_rate(config):
        return gpus
    return max(count for count in range(1, gpus + 1) if total % count == 0)


def set_joint_batch(config: Config) -> None:
    """Say ``total_batch_size`` in the loader, for a recipe: who has which part does not count."""
    if config.get('total_batch_size') and not _scales_rate(config):
        config.train_dataloader.batch_size = config.total_batch_size


def _scales_rate(config: Config) -> bool:
    return bool((config.get('auto_scale_lr') or {}).get('enable'))


def launched_processes(launcher: str) -> int:
    """Return how many processes a launcher has started; 1 without one."""
    return int(os.environ.get(_PROCESSES.get(launcher, ''), '1'))
