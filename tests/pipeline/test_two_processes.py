"""Every kind of stage in two processes (gloo) leaves the files that one process leaves.

Two ranks and a process alone do the same work on the same small networks, all forked from one
interpreter. What begins with given weights must be equal to the bit; a training to 1e-5.
"""

import copy
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch.multiprocessing import start_processes

from mmwsss.errors import run_saying_errors
from mmwsss.pipeline.stages.crew import Crew
from mmwsss.pipeline.stages.processes import run_network
from mmwsss.pipeline.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parents[1] / 'shared'))
from tiny_run import (
    CROP,
    IDS,
    LOAD,
    MASK,
    PACK,
    VIEWS,
    config_of,
    save_networks,
    segmentor_test,
    write_images,
)

FSDP = Path(__file__).parents[2] / 'configs' / '_base_' / 'fsdp.py'


def do_all(root, out, crew):
    """Every kind of stage; the offline ones have tests of their own in tests/seeds."""

    def config(name, stage, pipeline, **more):
        return config_of(root, name, pipeline, work_dir=str(out / stage), **more)

    def run(what, config, **options):
        config.experiment_name = f'{what}_{config.work_dir}'.replace('/', '_')
        return run_network(what, config, workspace, **options)

    workspace = Workspace(Config(), out, crew=crew)

    cluster = {'type': 'mmwsss.ContextPrototypeHook', 'warmup_epochs': 1}
    cam = config('cam', 'cam', [LOAD, *CROP, PACK])
    cam.custom_hooks.append(cluster)
    run('train', cam)
    irnet = config('irnet', 'irnet', [LOAD, MASK, *CROP, PACK])
    irnet.custom_hooks.append({'type': 'mmwsss.DisplacementMeanHook'})
    run('train', irnet)
    crop = [{'type': 'RandomFlip', 'prob': 0.5}, {'type': 'RandomCrop', 'crop_size': (16, 16)}]
    pipeline = [LOAD, MASK, *crop, {'type': 'PackSegInputs'}]
    run('train', config('segmentor', 'segmentor', pipeline, wrapper='mmwsss.PseudoMaskDataset'))

    # the shipped way of FSDP; alone it is an ordinary training
    crop = [{'type': 'RandomFlip', 'prob': 0.5}, {'type': 'mmwsss.RandomPadCrop', 'crop_size': 28}]
    decoder = config('decoder', 'decoder', [LOAD, MASK, *crop, PACK])
    decoder.model.decode_head.prototypes.checkpoint = str(root / 'prototypes.pth')
    if crew is not None:
        decoder.merge_from_dict(Config.fromfile(FSDP).to_dict())
    run('train', decoder)

    collected = config('cam', 'collect', [LOAD, *CROP, PACK], load_from=str(root / 'cam.pth'))
    collected.train_cfg = {'type': 'mmwsss.BankFillLoop'}
    collected.train_dataloader.drop_last = False
    run('train', collected)

    seeds = {'checkpoint': str(root / 'cam.pth'), 'out_dir': str(out / 'seeds')}
    run('seeds', config('cam', 'log', []), **seeds)
    writer = {'type': 'mmwsss.WalkWriter', 'seed_dir': str(out / 'seeds'), 'steps': 4, 'radius': 3}
    walk = config('irnet', 'log', [], seed_writer=writer)
    walk.tta_model = {'type': 'mmwsss.EdgeTTAModel'}
    walk.seed_dataloader.dataset.pipeline[1].scales = (1.0,)
    walked = {'checkpoint': str(root / 'irnet.pth'), 'out_dir': str(out / 'walk' / 'seeds')}
    run('seeds', walk, **walked)

    test = config('segmentor', 'test', [])
    test.merge_from_dict(segmentor_test(test))
    test.test_evaluator.output_dir = str(out / 'predictions')
    figures = [run('test', test, checkpoint=str(root / 'segmentor.pth'), tta=False)]
    judge = config('cam', 'judge', [], test_cfg={'type': 'TestLoop'}, tta_pipeline=VIEWS)
    judge.test_dataloader = copy.deepcopy(judge.seed_dataloader)
    judge.test_dataloader.dataset.load_masks = True
    judge.test_evaluator = {'type': 'mmwsss.SeedMetric'}
    figures.append(run('test', judge, checkpoint=str(root / 'cam.pth')))
    (out / 'figures.json').write_text(json.dumps(figures))


def work(index, folder, port):
    torch.set_num_threads(1)
    root = Path(folder)
    if index == 2:
        sys.exit(run_saying_errors(lambda: do_all(root, root / 'alone', None)))
    slurm = {'SLURM_PROCID': index, 'SLURM_LOCALID': index, 'SLURM_NTASKS': 2, 'MASTER_PORT': port}
    os.environ.update({name: str(value) for name, value in slurm.items()})
    sys.exit(run_saying_errors(lambda: join(root)))


def join(root):
    """Do all as one of the processes that Slurm has started."""
    crew = Crew('slurm')
    if crew.leads:
        do_all(root, root / 'together', crew)
        crew.dismiss()
    else:
        crew.follow()


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """What two processes left, and what one left."""
    root = tmp_path_factory.mktemp('two')
    done = subprocess.run(
        [sys.executable, __file__, str(root)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return root / 'together', root / 'alone'


def weights(folder, epoch):
    return torch.load(folder / f'epoch_{epoch}.pth')['state_dict']


@pytest.mark.parametrize('stage', ['cam', 'irnet', 'segmentor', 'decoder'])
def test_a_training_is_that_of_one_process(folders, stage):
    together, alone = (weights(folder / stage, 3) for folder in folders)
    first = weights(folders[1] / stage, 1)
    assert any(not value.equal(first[name]) for name, value in alone.items())  # it has learnt
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=1e-5, atol=1e-5, msg=name)


def test_prototypes_are_those_of_one_process_to_the_bit(folders):
    together, alone = (weights(folder / 'collect', 1) for folder in folders)
    assert alone['prototype_head.bank.count'].tolist() == [5, 4]  # each image once
    assert alone['prototype_head.bank.context_count'].tolist() == [3, 3]
    for name, value in alone.items():
        assert together[name].equal(value), name


@pytest.mark.parametrize('files', ['seeds/*.npz', 'walk/seeds/*.npz', 'walk/edges/*.png'])
def test_seeds_are_those_of_one_process_byte_for_byte(folders, files):
    _compare(folders, files)


def test_predictions_and_figures_are_those_of_one_process(folders):
    _compare(folders, 'predictions/*.png')
    together, alone = (json.loads((folder / 'figures.json').read_text()) for folder in folders)
    assert together == alone
    assert {'mIoU', 'seed/cam_mIoU'} <= {name for figures in alone for name in figures}


def _compare(folders, files):
    together, alone = (sorted(folder.glob(files)) for folder in folders)
    assert [path.name for path in together] == [path.name for path in alone]
    assert len(alone) == len(IDS)
    assert [path.read_bytes() for path in together] == [path.read_bytes() for path in alone]


if __name__ == '__main__':
    target = Path(sys.argv[1])
    torch.set_num_threads(1)
    write_images(target)
    save_networks(target)
    vectors = torch.randn(4, 8)
    torch.save({'cam_head.prototypes.vectors': vectors}, target / 'prototypes.pth')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        meeting = str(free.getsockname()[1])
    # a fresh interpreter without threads may fork, and imports once for all
    start_processes(work, (str(target), meeting), nprocs=3, start_method='fork')
