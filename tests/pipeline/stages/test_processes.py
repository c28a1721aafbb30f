"""What processes are told when a network works in several."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmwsss.pipeline.stages import processes
from mmwsss.pipeline.workspace import Workspace


@pytest.mark.parametrize(
    'options',
    [
        {'checkpoint': 'cam/epoch_1.pth', 'out_dir': 'seeds'},
        {'checkpoint': '-my run/ä=1.pth', 'out_dir': '--out dir'},  # no word of a command line
        {'checkpoint': None, 'out_dir': 'seeds'},
        {'checkpoint': 'a.pth', 'tta': False},
    ],
)
def test_every_process_gets_the_options_as_they_are(tmp_path, monkeypatch, options):
    seen = []

    def work(config, **given):
        seen.append((config.launcher, config.work_dir, given))
        return {'seeds': 3}

    def follow(command):
        processes.follow_order(Path(command[-1]))
        return 0

    monkeypatch.setitem(processes.RUNS, 'seeds', work)
    monkeypatch.setattr(processes, 'run_and_follow', follow)
    config = Config({'work_dir': str(tmp_path / 'log')})
    workspace = Workspace(config, tmp_path, gpus=2)
    assert processes.run_network('seeds', config, workspace, **options) == {'seeds': 3}
    assert seen == [('pytorch', str(tmp_path / 'log'), options)]
