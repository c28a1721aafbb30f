"""What a training is told by its stage."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmwsss.pipeline import Train, Workspace
from mmwsss.pipeline.stages import training
from mmwsss.pipeline.stages.training import Test


@pytest.fixture
def told(monkeypatch):
    """The configs and the numbers of processes of what was trained."""
    found = []
    monkeypatch.setattr(
        training,
        'run_network',
        lambda name, config, workspace, processes: found.append((name, config, processes)) or {},
    )
    return found


@pytest.mark.parametrize('resume', [True, False])
def test_as_many_processes_train_as_can_share_the_batch(told, tmp_path, resume):
    content = {'model': {}, 'train_dataloader': {'dataset': {}}, 'total_batch_size': 6}
    workspace = Workspace(Config(content), tmp_path, gpus=4)
    Train('cam').run(workspace, resume)
    workspace.crew = SimpleNamespace(size=6)
    Train('other', options={'total_batch_size': 12}).run(workspace, resume)
    assert [(name, processes) for name, _, processes in told] == [('train', 3), ('train', 6)]
    assert [config.resume for _, config, _ in told] == [resume, resume]
    assert [config.work_dir for _, config, _ in told] == [
        str(tmp_path / name) for name in ('cam', 'other')
    ]
    assert [config.total_batch_size for _, config, _ in told] == [6, 12]


@pytest.mark.parametrize(
    ('kind', 'expected'),
    [
        ('IoUMetric', 'mmwsss.MaskNamedIoUMetric'),
        ('mmseg.IoUMetric', 'mmwsss.MaskNamedIoUMetric'),
        ('OwnIoUMetric', 'OwnIoUMetric'),
    ],
)
def test_predictions_have_the_names_of_the_masks_that_judge_them(
    monkeypatch, tmp_path, kind, expected
):
    told = []
    evaluator = {'type': kind, 'iou_metrics': ['mIoU']}
    monkeypatch.setattr(Test, '_config', lambda *_: Config({'test_evaluator': evaluator}))
    monkeypatch.setattr(Test, '_class_iou', lambda self, config, folder, _: folder)
    monkeypatch.setattr(training, 'last_checkpoint', lambda folder: folder / 'epoch_1.pth')
    monkeypatch.setattr(
        training, 'run_network', lambda name, config, *_, **given: told.append(config) or {}
    )
    judged = Test('test', model='segmentor').run(Workspace(Config({}), tmp_path), resume=False)[
        'IoU'
    ]
    assert told[0].test_evaluator == {
        **evaluator,
        'type': expected,
        'output_dir': str(judged),
    }
