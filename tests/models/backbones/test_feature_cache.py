import pytest
import torch

from mmwsss.models.backbones import EfficientNetLite0
from mmwsss.models.backbones.feature_cache import FeatureCache

pytest.importorskip('efficientnet_lite_pytorch')


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return torch.nn.Conv2d(3, 5, 3, stride=2, padding=1)


def _views(number, seed=0):
    return torch.randn(number, 3, 6, 8, generator=torch.Generator().manual_seed(seed))


def _counting(layer, calls):
    def compute(inputs):
        calls.append(len(inputs))
        return [layer(inputs), layer(inputs).mean(dim=(2, 3))]

    return compute


def test_a_view_is_computed_once_whatever_its_batch(tmp_path, layer):
    calls, views = [], _views(4)
    compute = _counting(layer, calls)
    FeatureCache(tmp_path, [layer])(views[:3], compute)
    # another run: the order, the batch and one view are new
    outputs = FeatureCache(tmp_path, [layer])(views[[3, 0, 2]], compute)
    assert calls == [3, 1]
    for output, expected in zip(outputs, compute(views[[3, 0, 2]]), strict=True):
        torch.testing.assert_close(output, expected)
        assert not output.requires_grad


def test_views_that_differ_in_one_pixel_are_two(tmp_path, layer):
    calls, views = [], _views(1)
    cache = FeatureCache(tmp_path, [layer])
    cache(views, _counting(layer, calls))
    other = views.clone()
    other[0, 2, 5, 7] += 1e-3
    outputs = cache(other, _counting(layer, calls))
    assert calls == [1, 1]
    torch.testing.assert_close(outputs[0], layer(other))


def test_other_weights_have_a_cache_of_their_own(tmp_path, layer):
    views = _views(2)
    FeatureCache(tmp_path, [layer])(views, _counting(layer, []))
    with torch.no_grad():
        layer.weight[0, 0, 0, 0] += 1
    outputs = FeatureCache(tmp_path, [layer])(views, _counting(layer, []))
    torch.testing.assert_close(outputs[0], layer(views))


@pytest.mark.parametrize('frozen', [0, 3, 6, 7])
def test_a_backbone_with_a_cache_gives_and_learns_the_same(tmp_path, frozen):
    torch.manual_seed(0)
    plain = EfficientNetLite0(pretrained=False, frozen_stages=frozen)
    cached = EfficientNetLite0(pretrained=False, frozen_stages=frozen, feature_cache=tmp_path)
    cached.load_state_dict(plain.state_dict())
    images = torch.randn(2, 3, 32, 48)
    for _ in range(2):
        for backbone in (plain, cached):
            backbone.zero_grad()
        expected, outputs = plain(images), cached(images)
        assert len(outputs) == len(expected)
        for output, wanted in zip(outputs, expected, strict=True):
            torch.testing.assert_close(output, wanted)
        if frozen == 7:
            assert not outputs[-1].requires_grad
            continue
        expected[-1].square().mean().backward()
        outputs[-1].square().mean().backward()
        gradients = {name: p.grad for name, p in plain.named_parameters() if p.requires_grad}
        assert gradients
        for name, parameter in cached.named_parameters():
            if parameter.requires_grad:
                torch.testing.assert_close(parameter.grad, gradients[name])


@pytest.mark.parametrize('part', ['stem.0', 'stages.2.1._project_conv'])
def test_a_cache_is_of_the_weights_of_all_frozen_layers(tmp_path, part):
    torch.manual_seed(0)
    backbone = EfficientNetLite0(pretrained=False, feature_cache=tmp_path)
    images = torch.randn(1, 3, 32, 32)
    backbone(images)
    other = EfficientNetLite0(pretrained=False, feature_cache=tmp_path)
    other.load_state_dict(backbone.state_dict())
    with torch.no_grad():
        other.get_submodule(part).weight.mul_(1.5)
    assert not other(images)[1].allclose(backbone(images)[1])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_cache_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match='set frozen_stages'):
        EfficientNetLite0(pretrained=False, frozen_stages=-1, feature_cache=tmp_path)
