import pytest
import torch
from small_networks import small_resnet


@pytest.mark.parametrize('deep_stem', [False, True])
def test_the_stem_stands_in_front_of_the_stages_of_mmseg(deep_stem):
    ours = small_resnet('mmwsss.ResNetWithStem', deep_stem=deep_stem)
    theirs = small_resnet('mmseg.ResNet', deep_stem=deep_stem)
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(2, 3, 65, 91)
    pooled = []
    theirs.maxpool.register_forward_hook(lambda module, inputs, output: pooled.append(output))
    with torch.no_grad():
        stem, *stages = ours(image)
        expected = theirs(image)
    assert stem.equal(pooled[0])
    assert len(stages) == len(expected) == 4
    for one, other in zip(stages, expected, strict=True):
        assert one.equal(other)
    assert stem.shape == (2, 4, 17, 23)
