import pytest
from mmengine.config import Config

from mmwsss.pipeline.predictions import (
    check_prediction_names,
    check_writes_masks,
    without_annotations,
)

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
    for kind in ('IoUMetric', 'mmseg.IoUMetric', 'mmwsss.MaskNamedIoUMetric'):
        check_writes_masks(Config({'test_evaluator': {'type': kind}}), '--out')
    with pytest.raises(ValueError, match=r"--out is for segmentors, .* mmseg's IoUMetric"):
        check_writes_masks(Config({'test_evaluator': evaluator}), '--out')


def test_two_images_do_not_share_a_prediction():
    check_prediction_names(['a/1.jpg', 'a/2.jpg', 'b/3.jpg', 'a/1.jpg'])
    with pytest.raises(ValueError, match=r'of a/1\.jpg and b/1\.png would be one file, 1\.png'):
        check_prediction_names(iter(['a/1.jpg', 'a/2.jpg', 'b/1.png']))
