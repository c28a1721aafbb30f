"""What a plug-in has without doing anything for it."""

import pytest
import torch

from mmwsss.models.prototypes import BasePrototypeHead, PrototypeAwareCAMHead
from mmwsss.structures import CAMOutput


class Plain(BasePrototypeHead):
    def loss(self, output, image_label):
        return {}

    def predict(self, output, image_label):
        return output.cam


@pytest.mark.parametrize('missing', ['loss', 'predict'])
def test_a_plug_in_must_have_loss_and_predict(missing):
    other = {'loss', 'predict'} - {missing}
    half = type('Half', (BasePrototypeHead,), {name: getattr(Plain, name) for name in other})
    with pytest.raises(TypeError, match=missing):
        half(3)


def test_a_plug_in_without_a_memory_has_nothing_to_do():
    head = Plain(3)
    output = CAMOutput((), torch.rand(1, 3, 2, 2), torch.ones(1, 1, 2, 2))
    assert head.collect(output, torch.ones(1, 3)) is None
    assert head.update_context_prototypes(0) is None
    assert not head.state_dict() and head.num_classes == 3


def test_cpal_keeps_the_contract():
    assert issubclass(PrototypeAwareCAMHead, BasePrototypeHead)


def test_the_initialisation_of_the_config_is_kept():
    head = Plain(3, {'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5})
    head.projection = torch.nn.Conv2d(2, 3, 1)
    head.init_weights()
    assert head.projection.weight.eq(0.5).all()
    with pytest.raises(NotImplementedError):
        head.merge_views(None)
    assert not head.gives_background({}) and head.forget() is None
