import pytest
import torch

from mmwsss.apis import train_toy_clip
from mmwsss.models.clip import load_clip

pytest.importorskip('open_clip')


def test_the_command_trains_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('MMWSSS_DATA', str(tmp_path))
    config = tmp_path / 'tiny.py'
    config.write_text(
        f'_base_ = [{str(train_toy_clip.CONFIG)!r}]\n'
        'model = dict(architecture=dict(embed_dim=8, vision_cfg=dict(width=32, layers=2)))\n'
        'train_dataloader = dict(batch_size=2)\n'
        'max_epochs = 1\n'
        'train_cfg = dict(max_epochs=1)\n'
    )
    out = tmp_path / 'out' / 'clip.pth'
    command = ['x', '--config', str(config), '--out', str(out), '--images', '4', '--seed', '3']
    monkeypatch.setattr('sys.argv', command)
    train_toy_clip.main()
    visual = load_clip(None, str(out), 'visual')
    with torch.no_grad():
        assert visual(torch.rand(1, 3, 160, 160)).shape == (1, 8)
    capsys.readouterr()
    before = out.stat().st_mtime_ns
    train_toy_clip.main()
    assert 'is there' in capsys.readouterr().out
    assert out.stat().st_mtime_ns == before
