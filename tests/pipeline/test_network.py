"""Runners of several trainings in one process."""

import pytest
from mmengine.config import Config
from mmengine.model import BaseModel

from mmwsss.pipeline.network import _build_runner
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
