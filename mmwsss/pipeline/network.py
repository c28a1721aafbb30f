"""What is done with a network, by mmengine's Runner: training, seeds, test."""

import copy
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from mmengine import dist
from mmengine.config import Config
from mmengine.model import BaseModel, BaseTTAModel, is_model_wrapper
from mmengine.registry import RUNNERS, init_default_scope
from mmengine.runner import Runner

import mmwsss
from mmwsss import compat
from mmwsss.datasets.listing import needs_listing
from mmwsss.datasets.wrapped_dataset import check_dataset_paths
from mmwsss.engine import CurrentImagesHook, ProgressHook
from mmwsss.models.inference import prepare_for_inference
from mmwsss.models.weights import (
    naming_file,
    pretrained_file,
    read_state_dict,
    refuse_partial_load,
)
from mmwsss.registry import DATASETS, MODELS
from mmwsss.seeds.files import META_FILE, load_seed, read_meta, write_meta
from mmwsss.seeds.processes import preload_in_workers
from mmwsss.structures import atomic_path, naming_full_disk
from mmwsss.terminal import reporting, track

from .batch import launched_processes, let_workers_go, share_batch, share_images
from .checkpoints import POINTER, settle_checkpoints
from .class_counts import check_tested_classes
from .predictions import (
    MMSEG_METRICS,
    check_prediction_names,
    config_without_ground_truth,
    lacks_ground_truth,
)
from .workspace import DONE, content_hash, file_hash, named_files

_MEANT_BY = {  # what of a folder's meta.json must be the same for all of its seeds
    'config': 'another network',
    'checkpoint': 'another checkpoint',
    'files': 'other files of the network',
    'views': 'other views',
}
_SMALLER_BATCH = 'lower total_batch_size, the crop of train_pipeline, or how large images are drawn'
_SMALLER_VIEWS = 'make them smaller, or lower the scales of tta_pipeline, and run again'
_PLUG_INS = ('prototype_head',)  # children that a training may add to a trained network


def train(config: Config) -> dict[str, Any]:
    """Train as a config says, in its ``work_dir``.

    Args:
        config: Of a classification network or a segmentor; ``resume=True`` goes on from the last
            checkpoint in ``work_dir``, if there is one, and else begins, with ``load_from``.

    Returns:
        ``checkpoint``, the name of the last checkpoint in ``work_dir``.

    Raises:
        FileNotFoundError: There is no file ``load_from``.
        ValueError: The processes cannot share ``total_batch_size``.
    """
    check_start(config)
    processes = launched_processes(config.get('launcher', 'none'))
    share_batch(config, processes)
    share_images(config, processes)
    if config.get('resume'):
        # of `load_from` and a checkpoint mmengine would take the first, with the epoch of its end
        config.resume = settle_checkpoints(config.work_dir) is not None
        config.load_from = None if config.resume else config.get('load_from')
    runner = _build_runner(config, begins_anew=_PLUG_INS)
    with (
        naming_file(config.get('load_from') or config.work_dir),
        naming_full_disk(config.work_dir),
        _naming_images(runner, _SMALLER_BATCH),
    ):
        runner.train()
    dist.barrier()  # the first process may still be writing the checkpoint
    return {'checkpoint': last_checkpoint(config.work_dir).name}


def check_start(config: Config) -> None:
    """Look at the weights that a training begins with.

    Raises:
        FileNotFoundError: ``load_from`` is the path of no file.
        ValueError: That file holds no weights, or not only weights.
    """
    path = config.get('load_from')
    if not path or '://' in path:
        return
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'the training begins with {path}, which is not there: run the config that makes it '
            'first, or set load_from'
        )
    read_state_dict(path)


def check_backbone(model: dict[str, Any]) -> None:
    """Fill the backbone of a network from its local file, if it has one, to see that it fits.

    Args:
        model: Config of the network.

    Raises:
        FileNotFoundError: The file is not there.
        ValueError: It does not fill the backbone.
    """
    backbone = model.get('backbone') or {}
    if pretrained_file(backbone):
        init_default_scope('mmseg')
        with torch.random.fork_rng(devices=[]):
            MODELS.build(backbone).init_weights()


def check_network(model: dict[str, Any], checkpoint: str | Path) -> None:
    """Load a checkpoint of a whole network, to see that it fits.

    Args:
        model: Config of the network.
        checkpoint: The file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no weights, or does not fill the network.
    """
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(f'there is no checkpoint {checkpoint}: give the path of a file')
    load_network(model, checkpoint)


def load_network(model: dict[str, Any], checkpoint: str | Path) -> BaseModel:
    """Build a network and fill all of it.

    Args:
        model: Config of the network.
        checkpoint: File of its weights.

    Raises:
        ValueError: The file holds no weights, or does not fill the network.
    """
    init_default_scope('mmseg')
    with torch.random.fork_rng(devices=[]):
        network = MODELS.build(model)
    refuse_partial_load(network)
    with naming_file(checkpoint):
        network.load_state_dict(read_state_dict(checkpoint), strict=False)
    return network


def adopt_checkpoint(checkpoint: str | Path, config: Config) -> dict[str, Any]:
    """Put a copy of a checkpoint where a training would have left its last one, and its config.

    Args:
        checkpoint: The file.
        config: Of the training that is not needed, with its ``work_dir``.

    Returns:
        ``checkpoint``, the name of the copy, and ``given``, where it came from.
    """
    work_dir = Path(config.work_dir)
    target = work_dir / f'given{Path(checkpoint).suffix}'
    with atomic_path(target) as temporary:
        shutil.copyfile(checkpoint, temporary)
    with atomic_path(work_dir / Path(config.filename).name) as temporary:
        config.dump(temporary)
    with atomic_path(work_dir / 'last_checkpoint') as temporary:
        temporary.write_text(target.name, encoding='utf-8')
    return {'checkpoint': target.name, 'given': str(checkpoint)}


def last_checkpoint(work_dir: str | Path) -> Path:
    """Return the newest checkpoint of a training.

    Raises:
        FileNotFoundError: There is none.
    """
    pointer = Path(work_dir) / POINTER
    if pointer.is_file():
        checkpoint = Path(work_dir) / Path(pointer.read_text(encoding='utf-8').strip()).name
        if checkpoint.is_file():
            return checkpoint
    raise FileNotFoundError(f'there is no checkpoint in {work_dir}: train first')


def check_views(config: Config, who: str, *keys: str, cure: str = 'add it') -> None:
    """Look whether a config says how the views of an image are made and merged.

    Args:
        config: Of the network.
        who: Merges views, for the message.
        keys: What the config must have.
        cure: What to do, for the message.

    Raises:
        ValueError: It lacks one of them.
    """
    if missing := [key for key in keys if not config.get(key)]:
        raise ValueError(
            f'{who} merges several views of an image, but the config of the network, '
            f'{config.filename or "given without a file"}, has no {" and no ".join(missing)}: '
            f'{cure} (docs/configs.md, Loaders)'
        )


def generate_seeds(
    config: Config, checkpoint: str | Path | None, out_dir: str | Path, resume: bool = True
) -> dict[str, Any]:
    """Write a seed file for every image of ``seed_dataloader``, from merged views.

    Args:
        config: Of a network; a ``seed_writer`` in it takes the place of `SeedWriter`, and a
            ``seed_tta_model`` that of its ``tta_model``.
        checkpoint: Its weights; None for a host that is not trained.
        out_dir: Folder of the seed files.
        resume: Leave images alone whose seed file is there and sound.

    Returns:
        ``seeds``, how many are in the folder, and ``written``, how many of them now.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        FileExistsError: The folder has seeds of another network, other weights or other views.
        ValueError: The checkpoint does not fit, or nothing says how views are merged.
    """
    config = copy.deepcopy(config)
    out_dir = Path(out_dir)
    if not config.get('seed_tta_model'):
        check_views(config, 'making seeds', 'tta_model')
    config.model = {**(config.get('seed_tta_model') or config.tta_model), 'module': config.model}
    if checkpoint is not None:
        _check_is_there(checkpoint)
    meta = _seed_meta(config, checkpoint)
    _refuse_mixture(out_dir, meta)
    dataset = config.seed_dataloader.dataset
    pending = _pending_indices(dataset, out_dir) if resume else None
    if pending is not None and not pending:
        return {'seeds': _count_seeds(out_dir), 'written': 0}
    dataset.indices = pending
    config.test_cfg = {'type': 'TestLoop'}
    config.test_dataloader = config.seed_dataloader
    if config.test_dataloader.sampler.type == 'DefaultSampler':
        # a seed is the same in any order, and a GPU is faster where sizes do not change
        config.test_dataloader.sampler = {'type': 'mmwsss.SizeOrderSampler'}
    writer = config.get('seed_writer') or {'type': 'mmwsss.SeedWriter'}
    config.test_evaluator = {**writer, 'out_dir': str(out_dir)}
    config.load_from = None if checkpoint is None else str(checkpoint)
    if checkpoint is not None:
        _check_checkpoint(checkpoint)
    runner = _build_runner(_without_training(config))
    with naming_file(checkpoint):
        runner.load_or_resume()  # a checkpoint that is refused leaves no file
    prepare_for_inference(runner.model)
    if dist.is_main_process():
        write_meta(out_dir, meta)
    dist.barrier()  # no seed may be there while another process still looks for what is missing
    with naming_full_disk(out_dir), _naming_images(runner, _SMALLER_VIEWS):
        figures = runner.test()
    return {'seeds': _count_seeds(out_dir), 'written': int(figures['seed/written'])}


def test(config: Config, checkpoint: str | Path, tta: bool = True) -> dict[str, float]:
    """Test a network on its ``test_dataloader``.

    Args:
        config: Of a classification network or a segmentor.
        checkpoint: File of the trained weights.
        tta: Merge the views of ``tta_pipeline`` with ``tta_model``; a classification network is
            always tested so, because that is how its seeds are made.

    Returns:
        The figures of its ``test_evaluator``; none for images without ground truth, whose masks
        are written to the evaluator's ``output_dir``.

    Raises:
        FileNotFoundError: There is no checkpoint, or an image is missing.
        ValueError: The checkpoint does not fit, or the images have other classes; or they have no
            ground truth, and no masks are to be written.
    """
    config = copy.deepcopy(config)
    if tta or config.model.type == 'mmwsss.CAMSegmentor':
        check_views(config, 'this test', 'tta_model', 'tta_pipeline')
        config.model = {**config.tta_model, 'module': config.model}
        config.test_dataloader.dataset.pipeline = config.tta_pipeline
    check_tested_classes(config)
    judges = 'archive' not in config.test_evaluator
    if judges and lacks_ground_truth(config.test_dataloader.dataset):
        config = config_without_ground_truth(config)
    if folder := config.test_evaluator.get('output_dir'):
        # mmseg's metric makes it in the first process alone, and another one may be faster
        Path(folder).mkdir(parents=True, exist_ok=True)
    dataset = config.test_dataloader.dataset
    if 'dataset' not in dataset and needs_listing(dataset):
        pipeline = dataset.pop('pipeline')
        served = {'type': 'mmwsss.WrappedDataset', 'dataset': dataset, 'pipeline': pipeline}
        config.test_dataloader.dataset = {**served, 'test_mode': True}
    _check_checkpoint(checkpoint)
    config.load_from = str(checkpoint)
    runner = _build_runner(_without_training(config))
    if folder and config.test_evaluator.type in MMSEG_METRICS:
        tested: Any = runner.test_loop.dataloader.dataset
        check_prediction_names(tested.get_data_info(i)['img_path'] for i in range(len(tested)))
    with naming_file(checkpoint):
        runner.load_or_resume()
    prepare_for_inference(runner.model)
    with naming_full_disk(config.work_dir), _naming_images(runner, _SMALLER_VIEWS):
        return {name: float(value) for name, value in runner.test().items()}


def _naming_images(runner: Runner, cure: str) -> AbstractContextManager[None]:
    """Say within a block at which images the memory was not enough."""
    hook = CurrentImagesHook()
    runner.register_hook(hook)
    return hook.naming_images(cure)


def _count_seeds(folder: Path) -> int:
    return sum(1 for _ in folder.glob('*.npz'))


def _seed_meta(config: Config, checkpoint: str | Path | None) -> dict[str, object]:
    """Return what a folder of seeds was made with."""
    dataset = config.seed_dataloader.dataset
    return {
        'config': content_hash(config.model),
        'files': named_files(config.model),
        'checkpoint': None if checkpoint is None else file_hash(checkpoint),
        'views': dataset.pipeline,
        'images': dataset.dataset.get('ann_file'),
        'versions': {'mmwsss': mmwsss.__version__, 'torch': torch.__version__},
    }


def _refuse_mixture(out_dir: Path, meta: dict[str, object]) -> None:
    """Raise FileExistsError if a folder has seeds that were made with something else."""
    if not (out_dir / META_FILE).is_file() or not _count_seeds(out_dir):
        return
    made_with = read_meta(out_dir)
    other = [
        name
        for key, name in _MEANT_BY.items()
        if key in made_with and content_hash(made_with[key]) != content_hash(meta[key])
    ]
    if other:
        raise FileExistsError(
            f'{out_dir} holds seeds of {" and ".join(other)}: give another --out-dir, or delete '
            'that folder'
        )


def _check_is_there(path: str | Path) -> None:
    if Path(path).is_dir():
        raise IsADirectoryError(
            f'{path} is a folder: give the checkpoint in it, such as epoch_1.pth'
        )
    if '://' not in str(path) and not Path(path).is_file():
        raise FileNotFoundError(f'there is no checkpoint {path}: run `mmwsss train` first')


def _check_checkpoint(path: str | Path) -> None:
    """Look for a checkpoint, and whether it can be read and is finite."""
    _check_is_there(path)
    if '://' in str(path):
        return
    try:
        read_state_dict(path)
    except ValueError as error:
        done = Path(path).with_name(DONE)
        if not done.is_file():
            raise
        raise ValueError(
            f'{error}; where it is half written, delete {done} and run again: the training goes on '
            'from the checkpoint before'
        ) from error


def _build_runner(config: Config, begins_anew: Sequence[str] = ()) -> Runner:
    """Build a runner whose network refuses checkpoints that fill only a part of it."""
    # a training opens no test images, and without ground truth of one's own they may be absent
    loader = config.get('train_dataloader') or config.get('test_dataloader')
    if loader:
        check_dataset_paths(loader.dataset)
    if not config.get('test_dataloader'):  # mmengine wants all three of a test, or none
        config.test_cfg = config.test_evaluator = None
    let_workers_go(config)
    compat.prepare_cpu_processes(config)
    if config.get('visualizer'):
        # one of another training in this process would keep its folder, and take these losses
        config.visualizer.pop('name', None)
    preload_in_workers('mmwsss.datasets')
    # mmengine's, with a `strategy` (FSDP), builds the network when it trains
    runner = RUNNERS.get(config.get('runner_type', 'Runner')).from_cfg(config)
    network: Any = None if config.get('strategy') else runner.model
    while is_model_wrapper(network) or isinstance(network, BaseTTAModel):
        network = network.module
    if network is not None:
        refuse_partial_load(network, begins_anew)
    if reporting():  # not in the config, which is what a figure is made with
        runner.register_hook(ProgressHook())
    return runner


def _without_training(config: Config) -> Config:
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        config[key] = None
    for key in ('runner_type', 'strategy'):
        config.pop(key, None)
    config.custom_hooks = []
    config.resume = False
    return config


def _pending_indices(dataset: dict, out_dir: Path) -> list[int] | None:
    """Return the indices of the images without a sound seed file; None for all of them.

    The Runner prints and hashes its config, which a list of eighty thousand numbers makes slow.
    """
    init_default_scope('mmseg')
    built = DATASETS.build(dataset)
    pending = [
        index
        for index in track('look for seeds', range(len(built)), 'image')
        if not _has_seed(out_dir / f'{built.get_data_info(index)["img_id"]}.npz')
    ]
    return None if len(pending) == len(built) else pending


def _has_seed(path: Path) -> bool:
    try:
        load_seed(path)
    except (FileNotFoundError, ValueError):
        return False
    return True
