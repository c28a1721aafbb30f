import pytest
import torch
from clip_models import naive_boxes

from mmwsss.models.cam_heads.boxes import box_mask


@pytest.mark.parametrize('border', [True, False])
@pytest.mark.parametrize('size', [(1, 1), (5, 8), (9, 4)])
def test_boxes(size, border):
    torch.manual_seed(0)
    maps = torch.rand(2, 3, *size) ** 3
    maps[1, 2] = 0
    found = box_mask(maps, 0.4, border)
    for b in range(2):
        for n in range(3):
            assert torch.equal(found[b, n], naive_boxes(maps[b, n], 0.4, border))


def test_a_box_is_strictly_above_and_reaches_into_holes():
    cam = torch.zeros(1, 1, 5, 6)
    cam[..., 1:4, 1:5] = 1.0
    cam[..., 2, 2:4] = 0.4  # 102 of 255, and not above it
    expected = torch.zeros(5, 6)
    expected[1:4, 1:5] = 1
    assert torch.equal(box_mask(cam, 0.4)[0, 0], expected)


def test_a_box_may_reach_the_border_unless_it_is_told_not_to():
    cam = torch.zeros(1, 1, 3, 4)
    cam[..., 2, 3] = 1.0
    assert torch.equal(box_mask(cam, 0.4), cam)
    assert not box_mask(cam, 0.4, border=False).any()
