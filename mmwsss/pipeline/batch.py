"""The batch of all processes together: said once, as ``total_batch_size``."""

import os

from mmengine.config import Config

from mmwsss.engine.total_batch_size import accumulated_batches

from .foreign_options import schedulers_of

_PROCESSES = {  # what a launcher tells its processes
    'pytorch': 'WORLD_SIZE',
    'slurm': 'SLURM_NTASKS',
    'mpi': 'OMPI_COMM_WORLD_SIZE',
}
_RANK = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID', 'mpi': 'OMPI_COMM_WORLD_RANK'}
LOADERS = ('train_dataloader', 'seed_dataloader', 'test_dataloader')


def share_batch(config: Config, processes: int) -> None:
    """Give each process its part of the joint batch.

    Gradients that are added up before a step (``optim_wrapper.accumulative_counts``) are of the
    joint batch, too: with 2 of them a process sees it in two halves.

    Args:
        config: Changed in place: ``train_dataloader.batch_size`` becomes ``total_batch_size``
            divided by the processes and the accumulated batches. Without a ``total_batch_size``,
            and with mmengine's ``auto_scale_lr``, which fits the rate to any batch, ``batch_size``
            is as it says.
        processes: That train together.

    Raises:
        ValueError: The batch cannot be shared evenly, or a stated ``batch_size`` makes another.
    """
    total = config.get('total_batch_size')
    if not total:
        return
    added_up = accumulated_batches(config)
    if _scales_rate(config):  # mmengine compares with one batch of each process
        config.auto_scale_lr.setdefault('base_batch_size', max(1, total // added_up))
        batch = max(1, total // (processes * added_up))
        config.train_dataloader.setdefault('batch_size', batch)
        return
    stated = config.train_dataloader.get('batch_size')
    times = f', of which {added_up} are added up,' if added_up > 1 else ''
    if stated is not None and stated * processes * added_up != total:
        raise ValueError(
            f'train_dataloader.batch_size={stated} in {processes} process(es){times} is not the '
            f'batch of {total} that total_batch_size says for all together: set total_batch_size '
            'alone'
        )
    if total % added_up:
        raise ValueError(
            f'a batch of {total} (total_batch_size) is no sum of {added_up} equal ones '
            '(optim_wrapper.accumulative_counts): change one of the two'
        )
    if total % (processes * added_up):
        fitting = [count for count in range(1, total + 1) if total % (count * added_up) == 0]
        raise ValueError(
            f'a batch of {total} (total_batch_size){times} cannot be shared by {processes} '
            f'processes: use one of {fitting}, or set total_batch_size'
        )
    config.train_dataloader.batch_size = total // (processes * added_up)


def share_images(config: Config, processes: int) -> None:
    """Let an epoch of several processes have the batches that it has in one.

    Args:
        config: Of a training, its batch shared by `share_batch`; changed in place, where its loader
            leaves out a last batch that is not full.
        processes: That train together.
    """
    loader = config.train_dataloader
    sampler = loader.get('sampler') or {}
    if processes == 1 or not loader.get('drop_last') or sampler.get('type') != 'DefaultSampler':
        return
    options = {name: value for name, value in sampler.items() if name != 'round_up'}
    joint = processes * (loader.get('batch_size') or 1)
    loader.sampler = {**options, 'type': 'mmwsss.WholeBatchSampler', 'joint_batch': joint}


def check_batches(config: Config, images: int, processes: int, stage: str) -> None:
    """Look whether the images make a batch at all.

    Args:
        config: Of a training, its batch shared by `share_batch`.
        images: Number of its images.
        processes: That train together.
        stage: Name of the stage, for messages.

    Raises:
        ValueError: A whole epoch has no batch.
    """
    loader = config.train_dataloader
    endless = 'Infinite' in str((loader.get('sampler') or {}).get('type'))
    batch = loader.get('batch_size') or 1
    if endless or not loader.get('drop_last') or images >= batch * processes:
        return
    option = 'total_batch_size' if config.get('total_batch_size') else 'train_dataloader.batch_size'
    raise ValueError(
        f'stage {stage!r}: {images} images make no batch of {batch * processes}, as '
        f'train_dataloader.drop_last leaves a smaller one out: set {option} to {images} or less, '
        f'or stages.{stage}.options.{option} where the network has a config of its own'
    )


def early_end_of_rate(config: Config, stage: str) -> str | None:
    """Say that the rate of a training comes to its end before the training does.

    Args:
        config: Of the training.
        stage: Name of the stage, for the sentence.
    """
    epochs = (config.get('train_cfg') or {}).get('max_epochs')
    found = schedulers_of(config)
    ends = {index: one['end'] for index, one in enumerate(found) if one.get('end')}
    by_epoch = all(one.get('by_epoch', True) for one in found)
    if not epochs or not ends or not by_epoch or max(ends.values()) >= epochs:
        return None
    last = max(ends, key=lambda index: ends[index])
    return (
        f'stage {stage!r} trains for {epochs} epochs, but its rate has come to its end after '
        f'{ends[last]}, and little is learnt then: set param_scheduler.{last}.end'
    )


def let_workers_go(config: Config) -> None:
    """Take what needs processes that load images from loaders that have none, as torch refuses it.

    Args:
        config: Changed in place: ``num_workers=0`` on a command line is enough.
    """
    for name in LOADERS:
        loader = config.get(name)
        if loader and loader.get('num_workers', 0) == 0:
            loader.pop('persistent_workers', None)
            loader.pop('prefetch_factor', None)


def training_processes(config: Config, gpus: int) -> int:
    """Return how many of `gpus` processes can share the batch evenly: as many as possible."""
    total = config.get('total_batch_size')
    if not total or _scales_rate(config):
        return gpus
    added_up = accumulated_batches(config)
    fitting = [count for count in range(1, gpus + 1) if total % (count * added_up) == 0]
    return max(fitting, default=1)  # of 1, too, `share_batch` tells what does not fit


def set_joint_batch(config: Config) -> None:
    """Say ``total_batch_size`` in the loader, for a recipe: who has which part does not count."""
    if config.get('total_batch_size') and not _scales_rate(config):
        config.train_dataloader.batch_size = config.total_batch_size


def _scales_rate(config: Config) -> bool:
    return bool((config.get('auto_scale_lr') or {}).get('enable'))


def launched_processes(launcher: str) -> int:
    """Return how many processes a launcher has started; 1 without one."""
    return int(os.environ.get(_PROCESSES.get(launcher, ''), '1'))


def launched_rank(launcher: str) -> int:
    """Return which of a launcher's processes this is; 0 without one."""
    return int(os.environ.get(_RANK.get(launcher, ''), '0'))
