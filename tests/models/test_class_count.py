import pytest
import torch
from mmengine.runner import load_checkpoint
from torch import nn

from mmwsss.models.class_count import refuse_other_class_count


def network(classes):
    model = nn.Module()
    model.head = nn.Linear(3, classes, bias=False)
    model.register_buffer('bank', torch.zeros(classes, 2))
    refuse_other_class_count(model.head, 'weight')
    refuse_other_class_count(model, 'bank')
    return model


def test_the_same_number_of_classes_loads():
    model, other = network(4), network(4)
    model.load_state_dict(other.state_dict())
    assert model.head.weight.equal(other.head.weight)


@pytest.mark.parametrize('name', ['head.weight', 'bank'])
def test_another_number_of_classes_is_refused(name):
    state = network(4).state_dict()
    state[name] = network(7).state_dict()[name]
    with pytest.raises(ValueError, match=f"7 classes and the model 4 .key '{name}'"):
        network(4).load_state_dict(state, strict=False)


def test_mmengines_own_loading_is_refused_too(tmp_path):
    """Its `load_checkpoint` by-passes `load_state_dict` and would only print a warning."""
    path = tmp_path / 'other.pth'
    torch.save({'state_dict': network(7).state_dict()}, path)
    with pytest.raises(ValueError, match='7 classes and the model 4'):
        load_checkpoint(network(4), str(path), map_location='cpu')


def test_a_checkpoint_without_the_tensor_loads():
    """Weights of a backbone alone."""
    network(4).load_state_dict({}, strict=False)
