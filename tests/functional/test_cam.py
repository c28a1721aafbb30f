import pytest
import torch

from mmwsss.functional.cam import (
    EPS,
    add_background_label,
    background_map,
    class_activation_map,
    classification_loss,
    normalize_by_max,
    normalize_by_range,
    resize_valid,
    sum_views,
)


def naive_cam(raw, valid):
    out = torch.zeros_like(raw)
    for b, n in torch.cartesian_prod(torch.arange(raw.shape[0]), torch.arange(raw.shape[1])):
        best = 0.0
        for y in range(raw.shape[2]):
            for x in range(raw.shape[3]):
                out[b, n, y, x] = max(raw[b, n, y, x].item(), 0) * valid[b, 0, y, x]
                best = max(best, out[b, n, y, x].item())
        out[b, n] /= best + EPS
    return out


@pytest.mark.parametrize('size', [(3, 5), (1, 1)])
def test_cam_equals_its_definition(size):
    raw = torch.randn(2, 3, *size, dtype=torch.float64)
    valid = (torch.rand(2, 1, *size) > 0.3).double()
    torch.testing.assert_close(class_activation_map(raw, valid), naive_cam(raw, valid))


def test_padding_is_cleared_before_the_maximum():
    raw = torch.tensor([[[[2.0, 100.0]]]])
    valid = torch.tensor([[[[1.0, 0.0]]]])
    cam = class_activation_map(raw, valid)
    assert cam[0, 0, 0, 0] > 0.99
    assert cam[0, 0, 0, 1] == 0


def test_an_empty_map_stays_zero_with_a_finite_gradient():
    raw = torch.full((1, 1, 2, 2), -1.0, requires_grad=True)
    cam = normalize_by_max(raw.relu())
    cam.sum().backward()
    assert cam.eq(0).all()
    assert raw.grad.isfinite().all()


def test_maps_of_one_image_are_divided_by_their_own_maxima():
    maps = torch.rand(2, 3, 5)
    for found, one in zip(normalize_by_max(maps), maps, strict=True):
        torch.testing.assert_close(found, one / (one.max() + 1e-5))


@pytest.mark.parametrize('eps', [EPS, 1e-8])
@pytest.mark.parametrize('size', [(3, 5), (1, 1)])
def test_the_range_of_each_map_becomes_zero_to_one(size, eps):
    maps = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    found = normalize_by_range(maps, eps)
    for b in range(2):
        for n in range(3):
            values = maps[b, n].flatten().tolist()
            low, high = min(values), max(values)
            expected = [(value - low) / (high - low + eps) for value in values]
            torch.testing.assert_close(found[b, n].flatten().tolist(), expected, rtol=1e-12, atol=0)
    assert torch.autograd.gradcheck(normalize_by_range, maps)


def test_a_constant_map_has_no_range():
    assert not normalize_by_range(torch.full((2, 3, 4), 0.3)).any()


def test_background_is_over_the_selected_classes_only():
    cam = torch.rand(2, 3, 4, 5)
    selected = torch.tensor([[1, 0, 1], [0, 0, 0]])
    ground = background_map(cam, selected)
    torch.testing.assert_close(ground[0], 1 - torch.maximum(cam[0, 0], cam[0, 2]))
    assert ground[1].eq(1).all()


def test_classification_loss_by_hand():
    # logit 0 costs log 2 whatever the label; logit 2 with label 0 costs log(1 + e^2)
    loss = classification_loss(torch.tensor([[0.0, 2.0]]), torch.tensor([[1, 0]]))
    expected = (torch.log(torch.tensor(2.0)) + torch.log1p(torch.tensor(2.0).exp())) / 2
    torch.testing.assert_close(loss, expected)


def test_a_cell_is_valid_when_half_of_its_pixels_are():
    valid = torch.zeros(1, 1, 4, 8)
    valid[..., :6] = 1  # the second 4 x 4 cell is half valid
    assert resize_valid(valid, (1, 2)).tolist() == [[[[1.0, 1.0]]]]
    valid[..., 5] = 0
    assert resize_valid(valid, (1, 2)).tolist() == [[[[1.0, 0.0]]]]


def test_views_are_summed_on_the_target_grid():
    views = [torch.rand(2, 3, 5), torch.rand(2, 6, 10)]
    merged = sum_views(views, (3, 5))
    coarse = views[1].unflatten(1, (3, 2)).unflatten(3, (5, 2)).mean(dim=(2, 4))
    torch.testing.assert_close(merged, views[0] + coarse)
    assert sum_views([torch.zeros(0, 3, 5)], (6, 10)).shape == (0, 6, 10)


def test_the_label_of_the_background_is_first_and_always_1():
    label = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    assert add_background_label(label).tolist() == [[1, 0, 1], [1, 0, 0]]
