"""Runners of several trainings in one process, and the order in which seeds are made."""

import pytest
import tiny_run
from mmengine.config import Config
from mmengine.model import BaseModel
from PIL import Image

from mmwsss.evaluation import SeedWriter
from mmwsss.pipeline.network import _build_runner, generate_seeds
from mmwsss.pipeline.report.training_log import read_training_log
from mmwsss.registry import MODELS


class Nothing(BaseModel):
    """A network without a weight."""

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return inputs


@pytest.fixture
def nothing():
    MODELS.register_module(module=Nothing, name='Nothing')
    yield
    MODELS.module_dict.pop('Nothing')


def test_each_training_keeps_its_losses_in_its_own_folder(nothing, tmp_path):
    """mmengine keeps one visualizer per name, and with it the folder of the first training."""
    for value, name in enumerate(('cam', 'segmentor')):
        file = tmp_path / f'{name}.py'
        visualizer = {
            'type': 'SegLocalVisualizer',
            'name': 'visualizer',
            'vis_backends': [{'type': 'LocalVisBackend'}],
        }
        file.write_text(
            f"model = dict(type='mmwsss.Nothing')\nvisualizer = {visualizer}\n"
            f'default_scope = "mmseg"\nlog_level = "ERROR"\nwork_dir = {str(tmp_path / name)!r}\n'
        )
        runner = _build_runner(Config.fromfile(file))
        runner.visualizer.add_scalars({'loss': float(value), 'lr': 0.1}, step=1)
    assert read_training_log(tmp_path / 'cam').losses == {'loss': [0.0]}
    assert read_training_log(tmp_path / 'segmentor').losses == {'loss': [1.0]}


def test_images_of_one_size_are_seen_one_after_the_other(tmp_path, monkeypatch):
    tiny_run.write_images(tmp_path)
    tiny_run.save_networks(tmp_path)
    for image_id, size in zip('abc', [(30, 20), (20, 30), (30, 20)], strict=True):
        Image.new('RGB', size).save(tmp_path / 'JPEGImages' / f'{image_id}.png')
    seen = []
    process = SeedWriter.process
    monkeypatch.setattr(
        SeedWriter,
        'process',
        lambda self, batch, samples: (
            seen.extend(sample['img_id'] for sample in samples),
            process(self, batch, samples),
        ),
    )
    config = tiny_run.config_of(tmp_path, 'cam', [tiny_run.LOAD, tiny_run.PACK])
    config.work_dir = str(tmp_path / 'log')
    generate_seeds(config, tmp_path / 'cam.pth', tmp_path / 'seeds')
    # a and c have 20 rows, b has 30; d to g have 575, 576, 575 and 572 pixels
    assert seen == ['a', 'c', 'b', 'e', 'd', 'f', 'g']
