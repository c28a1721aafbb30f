import pytest
from mmengine.config import Config

from mmwsss.pipeline.predictions import check_writes_masks, without_annotations

LOAD, PACK, FLIP = {'type': 'LoadImage'}, {'type': 'PackSegInputs'}, {'type': 'RandomFlip'}
ANNOTATIONS = {'type': 'LoadAnnotations'}


def test_ground_truth_is_taken_out_at_every_depth_and_nothing_else():
    views = {'type': 'TestTimeAug', 'transforms': [[FLIP, FLIP], [ANNOTATIONS], [PACK]], 'x': 1}
    scoped = {'type': 'mmseg.LoadAnnotations'}
    pipeline = [LOAD, scoped, views]
    kept = {'type': 'TestTimeAug', 'transforms': [[FLIP, FLIP], [PACK]], 'x': 1}
    assert without_annotations(pipeline) == [LOAD, kept]
    assert pipeline == [LOAD, scoped, views]
    assert len(views['transforms']) == 3


@pytest.mark.parametrize(
    'evaluator', [None, {'type': 'mmwsss.SeedMetric'}, [{'type': 'mmwsss.SeedMetric'}]]
)
def test_masks_come_from_segmentors_alone(evaluator):
    check_writes_masks(Config({'test_evaluator': {'type': 'IoUMetric'}}), '--out')
    with pytest.raises(ValueError, match=r"--out is for segmentors, .* mmseg's IoUMetric"):
        check_writes_masks(Config({'test_evaluator': evaluator}), '--out')
