"""What a trial of a few images says of the whole run, in numbers worked out by hand."""

import json
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmwsss.own_images import trial


def stage(name):
    return SimpleNamespace(name=name)


class Space:
    """A workspace whose networks are given."""

    def __init__(self, root, networks=None, names=('cam', 'seeds', 'masks')):
        self.root, self.networks = root, networks or {}
        self.stages = {name: stage(name) for name in names}
        self.config = Config({'train_dataloader': {'dataset': 'the images'}})

    def folder(self, name):
        return self.root / name

    def network_config(self, name):
        return self.networks.get(name)


def note_steps(folder, *times):
    path = folder / '20260101/vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    lines = [{'time': time, 'loss': 1.0} for time in times] + [{'mIoU': 3.0}]
    path.write_text('\n'.join(json.dumps(line) for line in lines))


def schedule(epochs, **batch):
    loader = {'batch_size': batch.pop('images', 2)}
    return Config({'train_cfg': {'max_epochs': epochs}, 'train_dataloader': loader, **batch})


@pytest.mark.parametrize(
    ('whole', 'steps'),
    [
        (
            schedule(10, total_batch_size=4),
            10 * 5,
        ),  # 21 images: the last, smaller batch is left out
        (schedule(10, images=3), 10 * 7),
        (schedule(10, total_batch_size=64), 10),
    ],
)
def test_a_training_costs_its_beginning_and_its_steps(tmp_path, monkeypatch, whole, steps):
    """Three steps of 9, 2 and 4 seconds: the first is no usual one, a step takes 3."""
    monkeypatch.setattr(trial, 'build_images', {'the images': range(21)}.get)
    note_steps(tmp_path / 'cam', 9.0, 2.0, 4.0)
    tried, full = Space(tmp_path, {'cam': schedule(3)}), Space(tmp_path, {'cam': whole})
    record = {'seconds': 50.0, 'memory': {'cpu': 7.0}}
    cost = trial._cost(stage('cam'), record, tried, full, 100.0)
    assert cost == trial.StageCost('cam', (50 - 3 * 3) + 3 * steps, {'cpu': 7.0})
    record['seconds'] = 5.0  # less than its steps are said to take
    assert trial._cost(stage('cam'), record, tried, full, 100.0).seconds == 3 * steps


def test_other_stages_cost_as_much_as_they_have_images(tmp_path):
    record = {'seconds': 5.0, 'memory': {}}
    space = Space(tmp_path, {'cam': schedule(3)})
    assert trial._cost(stage('seeds'), record, space, space, 8.5).seconds == 42.5
    assert trial._cost(stage('cam'), record, space, space, 8.5).seconds == 42.5  # no step is noted
    note_steps(tmp_path / 'cam', 2.0)
    full = Space(tmp_path, {'cam': schedule(1, total_batch_size=4)})
    full.config.train_dataloader.dataset = 'none'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, 'build_images', lambda dataset: range(4))
        assert trial._cost(stage('cam'), record, space, full, 8.5).seconds == 3 + 2


def test_stages_are_tried_in_turn_until_one_fails(tmp_path, monkeypatch):
    config = Config({'train_dataloader': {'dataset': 'the images'}})
    opened = []

    def open_workspace(config, work_dir=None):
        opened.append((config, work_dir))
        return Space(tmp_path)

    def execute(stage, workspace):
        if stage.name == 'masks':
            raise ValueError('no mask')
        return {'seconds': 3.0, 'memory': {'cpu': 1.0}}

    monkeypatch.setattr(trial, 'build_images', lambda dataset: range(50))
    monkeypatch.setattr(trial, 'open_workspace', open_workspace)
    monkeypatch.setattr(trial, 'execute', execute)
    monkeypatch.setattr(trial, '_trial_config', lambda config, images: f'{images} images')
    costs = list(trial.try_stages(config))
    assert [(cost.name, cost.seconds) for cost in costs] == [
        ('cam', 7.5),
        ('seeds', 7.5),
        ('masks', 0),
    ]
    assert [cost.failed for cost in costs] == ['', '', 'no mask'] and costs[0].memory == {
        'cpu': 1.0
    }
    assert [part for part, _ in opened] == [config, '20 images']
    assert opened[1][1] is not None and not opened[1][1].exists()
    assert [cost.seconds for cost in trial.try_stages(config, 80)][:2] == [3.0, 3.0]  # all images
