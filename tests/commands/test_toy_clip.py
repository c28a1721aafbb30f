import pytest
import torch

from mmwsss.commands.main import main
from mmwsss.models.clip import load_clip
from mmwsss.shipped import find_config

pytest.importorskip('open_clip')
CONFIG = find_config('toy_clip')


def test_the_command_trains_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('MMWSSS_DATA', str(tmp_path))
    config = tmp_path / 'tiny.py'
    config.write_text(
        f'_base_ = [{str(CONFIG)!r}]\n'
        'model = dict(architecture=dict(embed_dim=8, vision_cfg=dict(width=32, layers=2)))\n'
        'total_batch_size = 2\n'
        'max_epochs = 1\n'
        'train_cfg = dict(max_epochs=1)\n'
    )
    out = tmp_path / 'out' / 'clip.pth'
    command = ['toy-clip', '--config', str(config), '--out', str(out), '--images', '4']
    assert main([*command, '--seed', '3']) == 0
    visual = load_clip(None, str(out), 'visual')
    with torch.no_grad():
        assert visual(torch.rand(1, 3, 160, 160)).shape == (1, 8)
    capsys.readouterr()
    before = out.stat().st_mtime_ns
    assert main([*command, '--seed', '3']) == 0
    assert 'is there' in capsys.readouterr().out
    assert out.stat().st_mtime_ns == before
