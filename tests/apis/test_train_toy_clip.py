import json

import numpy as np
import pytest
import torch

import mmwsss.registry  # noqa: F401  (first: with its cures open_clip can be imported)

pytest.importorskip('open_clip')

from mmwsss.apis import evidence_masks, train_toy_clip
from mmwsss.models.clip import load_clip


def plant():
    """Features whose first channel is where class 0 is, and whose second where class 1 is."""
    generator = torch.Generator().manual_seed(0)
    features = 0.1 * torch.randn(60, 4, 3, 5, generator=generator)
    labels = torch.zeros(60, 2)
    places = torch.randint(15, (60,), generator=generator)
    for index, place in enumerate(places):
        labels[index, index % 2] = 1
        features[index, index % 2].view(-1)[place] += 5
    return features, labels, places


def test_the_evidence_is_where_the_class_is(monkeypatch):
    monkeypatch.setattr(evidence_masks, '_EPOCHS', 40)
    features, labels, places = plant()
    maps = evidence_masks.classify(features, labels)
    found = maps.flatten(2)[torch.arange(60), torch.arange(60) % 2]
    assert (found.argmax(dim=1) == places).float().mean() > 0.9
    assert maps.max() <= 1
    assert not maps[labels == 0].any()


def test_the_classifier_leaves_the_generator_alone():
    features, labels, _ = plant()
    state = torch.get_rng_state()
    first = evidence_masks.classify(features[:8], labels[:8], seed=1)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(first, evidence_masks.classify(features[:8], labels[:8], seed=1))


def test_the_command_trains_once(tmp_path, monkeypatch, capsys):
    pytest.importorskip('efficientnet_lite_pytorch')
    monkeypatch.setenv('MMWSSS_DATA', str(tmp_path))
    config = tmp_path / 'tiny.py'
    config.write_text(
        f'_base_ = [{str(train_toy_clip.CONFIG)!r}]\n'
        'model = dict(architecture=dict(embed_dim=8, vision_cfg=dict(width=24, layers=4),\n'
        '             text_cfg=dict(width=8)), trained_blocks=2)\n'
        'train_dataloader = dict(batch_size=2)\n'
        'max_epochs = 1\n'
        'train_cfg = dict(max_epochs=1)\n'
    )
    out = tmp_path / 'out' / 'clip.pth'
    command = ['x', '--config', str(config), '--out', str(out), '--images', '4', '--seed', '3']
    monkeypatch.setattr('sys.argv', command)
    train_toy_clip.main()
    clip = load_clip(None, str(out))
    assert clip.visual.conv1.out_channels == 24
    masks = sorted((tmp_path / 'toy_clip' / 'evidence_masks').iterdir())
    assert len(masks) == 4
    labels = json.loads((tmp_path / 'toy_clip/scenes/image_labels.json').read_text())
    from mmwsss.seeds.masks import load_mask

    for path in masks:
        found = set(np.unique(load_mask(path))) - {0, 255}
        assert len(found) <= len(labels[path.stem])
    capsys.readouterr()
    before = out.stat().st_mtime_ns
    train_toy_clip.main()
    assert 'is there' in capsys.readouterr().out
    assert out.stat().st_mtime_ns == before
