import numpy as np
import pytest
import torch
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsss.models.segmentors import SegmentorSeedTTAModel
from mmwsss.seeds.refine import RefineSettings, refine_seed

SIZE = (3, 4)


class Wrapped(nn.Module):
    def test_step(self, data):
        raise NotImplementedError('the tests hand over the views themselves')


def make_view(logits, label=None):
    view = SegDataSample(metainfo={'img_path': 'a.jpg', 'img_id': 'a'})
    view.seg_logits = PixelData(data=logits)
    if label is not None:
        view.gt_label = LabelData(multi_hot=torch.tensor(label))
    return view


def merge(views):
    (merged,) = SegmentorSeedTTAModel(Wrapped()).merge_preds([views])
    return merged.pred_seed


def test_mean_probabilities_of_background_and_present_classes_by_plain_loops():
    torch.manual_seed(0)
    logits = [torch.randn(5, *SIZE) * 3 for _ in range(3)]
    seed = merge([make_view(view, [0.0, 1.0, 0.0, 1.0]) for view in logits])
    assert seed.classes.tolist() == [1, 3]
    assert seed.size == SIZE
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            mean = [0.0] * 5
            for view in logits:
                powers = [np.exp(float(view[c, y, x])) for c in range(5)]
                for c in range(5):
                    mean[c] += powers[c] / sum(powers) / 3
            total = mean[0] + mean[2] + mean[4]
            assert seed.background[y, x] == pytest.approx(mean[0] / total, abs=1e-3)  # float16
            assert seed.cam[0, y, x] == pytest.approx(mean[2] / total, abs=1e-3)
            assert seed.cam[1, y, x] == pytest.approx(mean[4] / total, abs=1e-3)


def test_an_absent_class_is_in_no_mask_however_likely():
    logits = torch.zeros(4, *SIZE)
    logits[1] = 9  # absent
    logits[3, :, :2], logits[0, :, 2:] = 5, 5
    seed = merge([make_view(logits, [0.0, 0.0, 1.0])])
    settings = RefineSettings(bg_threshold=None, crf=None)
    mask, _ = refine_seed(np.zeros((*SIZE, 3), np.uint8), seed, settings)
    assert mask.tolist() == [[3, 3, 0, 0]] * 3


def test_an_image_of_no_class_has_an_empty_seed():
    seed = merge([make_view(torch.randn(4, *SIZE), [0.0, 0.0, 0.0])])
    assert seed.cam.shape == (0, *SIZE)
    np.testing.assert_allclose(seed.background, 1)


def test_an_image_without_label_is_named():
    with pytest.raises(ValueError, match=r'a\.jpg has no image label'):
        merge([make_view(torch.randn(4, *SIZE))])


def test_where_absent_classes_leave_nothing_nothing_is_likely():
    logits = torch.zeros(3, *SIZE)
    logits[1] = 1e4
    seed = merge([make_view(logits, [0.0, 1.0])])
    assert not seed.cam.any() and not seed.background.any()
