import numpy as np
import pytest
from mmengine.config import Config

from mmwsss.pipeline import EvaluateMasks, Workspace
from mmwsss.pipeline.stages import evaluation
from mmwsss.seeds import save_mask

TRUTH = np.array([[0, 0, 1, 1]], dtype=np.uint8)
UNSURE = np.array([[0, 0, 1, 255]], dtype=np.uint8)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, 'foreground_names', lambda workspace: ('boat',))
    (tmp_path / 'ids.txt').write_text('a\n')
    save_mask(tmp_path / 'truth' / 'a.png', TRUTH)
    return Workspace(Config(), tmp_path)


def judge(workspace):
    root = workspace.root
    stage = EvaluateMasks('scores', 'masks', str(root / 'truth'), str(root / 'ids.txt'), 'mine')
    return stage.rows(stage.run(workspace, resume=False))


def test_masks_are_judged_before_and_after_unsure_pixels_are_left_out(workspace):
    save_mask(workspace.folder('masks') / 'argmax' / 'a.png', TRUTH)
    save_mask(workspace.folder('masks') / 'masks' / 'a.png', UNSURE)
    rows = judge(workspace)
    assert rows['mine'] == 100
    # background 2 of 3 pixels, boat 1 of 2
    assert rows['mine, unsure as background'] == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)


def test_a_stage_of_another_package_may_write_masks_alone(workspace):
    save_mask(workspace.folder('masks') / 'masks' / 'a.png', UNSURE)
    assert judge(workspace) == {'mine': pytest.approx(100 * (2 / 3 + 1 / 2) / 2)}
