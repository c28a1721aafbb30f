import math

import pytest
import torch
import torch.nn.functional as F

from mmwsss.models.prototypes import ConvProjection, IdentityProjection, SideProjection
from mmwsss.registry import MODELS


def stages(*shapes, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.randn(*shape, generator=generator, dtype=dtype, requires_grad=True)
        for shape in shapes
    )


def naive_unit_side(weight, feature):
    """A 1x1 convolution and unit length of one image: weight (E, C), feature (C, H, W)."""
    side = torch.zeros(len(weight), *feature.shape[1:], dtype=torch.float64)
    for y in range(feature.shape[1]):
        for x in range(feature.shape[2]):
            values = [
                sum(float(w * v) for w, v in zip(row, feature[:, y, x], strict=True))
                for row in weight
            ]
            length = math.sqrt(sum(v * v for v in values)) + 1e-5
            side[:, y, x] = torch.tensor([v / length for v in values], dtype=torch.float64)
    return side


@pytest.mark.parametrize('grid_stage', [0, 1])
def test_sides_are_normalised_before_they_are_resized(grid_stage):
    projection = SideProjection((2, 3), (4, 2), grid_stage=grid_stage).double()
    features = stages((2, 2, 6, 4), (2, 3, 3, 2))
    out = projection(features)
    size = ((6, 4), (3, 2))[grid_stage]
    assert out.shape == (2, 6, *size)
    assert projection.out_channels == 6
    for b in range(2):
        sides = [
            naive_unit_side(conv.weight.detach()[:, :, 0, 0], feature.detach()[b])
            for conv, feature in zip(projection.sides, features, strict=True)
        ]
        resized = [
            F.interpolate(side[None], size, mode='bilinear', align_corners=False)[0]
            for side in sides
        ]
        torch.testing.assert_close(out[b], torch.cat(resized))


def test_a_side_on_its_own_grid_has_unit_length():
    projection = SideProjection((2, 3), (4, 2), grid_stage=1)
    out = projection(stages((1, 2, 5, 7), (1, 3, 5, 7), dtype=torch.float32))
    torch.testing.assert_close(out[:, :4].norm(dim=1), torch.ones(1, 5, 7), atol=1e-3, rtol=0)
    torch.testing.assert_close(out[:, 4:].norm(dim=1), torch.ones(1, 5, 7), atol=1e-3, rtol=0)


def test_a_zero_feature_has_a_finite_gradient():
    projection = SideProjection((2,), (3,), grid_stage=0)
    projection((torch.zeros(1, 2, 1, 1),)).sum().backward()
    assert projection.sides[0].weight.grad.isfinite().all()


@pytest.mark.parametrize(
    'projection', [SideProjection((2, 3), (4, 2), grid_stage=1), ConvProjection(3, 5)]
)
def test_the_backbone_does_not_learn_through_a_convolution(projection):
    features = stages((1, 2, 4, 6), (1, 3, 2, 3), dtype=torch.float32)
    # a plain sum would be nearly blind to a unit-length side
    (projection(features) * torch.arange(6.0).view(2, 3)).square().sum().backward()
    assert all(feature.grad is None for feature in features)
    assert all(parameter.grad.abs().sum() > 0 for parameter in projection.parameters())


def test_conv_projection_is_a_product_with_the_last_stage():
    projection = ConvProjection(3, 5).double()
    features = stages((2, 2, 4, 6), (2, 3, 2, 3))
    expected = torch.einsum('ec,bchw->behw', projection.conv.weight[:, :, 0, 0], features[-1])
    torch.testing.assert_close(projection(features), expected)
    assert projection.out_channels == 5
    assert projection.conv.bias is None


def test_identity_returns_the_last_stage_with_its_gradient():
    features = stages((2, 2, 4, 6), (2, 3, 2, 3))
    projection = IdentityProjection(3)
    assert projection(features) is features[-1]
    assert projection.out_channels == 3
    assert not list(projection.parameters())


def test_another_number_of_stages_is_refused():
    projection = SideProjection((2, 3), (4, 2), grid_stage=0)
    with pytest.raises(ValueError, match='zip'):
        projection(stages((1, 2, 4, 6), dtype=torch.float32))
    with pytest.raises(ValueError, match=r'brings 2 stages to .* but the backbone returns 3'):
        SideProjection((2, 3, 4), (4, 2))


def test_default_widths_are_those_of_sipe():
    projection = MODELS.build({'type': 'mmwsss.SideProjection', 'in_channels': (2, 3, 4, 5)})
    assert [conv.out_channels for conv in projection.sides] == [128, 128, 256, 256]
    assert projection.out_channels == 768
    assert projection.grid_stage == 2


@pytest.mark.parametrize(
    'config',
    [
        {'type': 'mmwsss.SideProjection', 'in_channels': (2, 3), 'out_channels': (4, 2)},
        {'type': 'mmwsss.ConvProjection', 'in_channels': 3},
    ],
    ids=lambda config: config['type'],
)
def test_the_initialisation_of_the_config_is_kept(config):
    init_cfg = {'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5}
    projection = MODELS.build({**config, 'init_cfg': init_cfg})
    projection.init_weights()
    assert all(parameter.eq(0.5).all() for parameter in projection.parameters())
    assert MODELS.build({'type': 'mmwsss.ConvProjection', 'in_channels': 3}).out_channels == 256
