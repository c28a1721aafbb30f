from types import SimpleNamespace

import pytest
from mmengine.model import BaseModel, MMDistributedDataParallel
from torch import nn

from mmwsss.engine import FrozenModelWrapper
from mmwsss.engine.running_model import cam_segmentor, prototype_head, unwrapped_model
from mmwsss.models.segmentors import CAMSegmentor


class Host(CAMSegmentor):
    def __init__(self, plugin=None):
        BaseModel.__init__(self)
        self.prototype_head = plugin


def wrapped(model):
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = model
    return wrapper


@pytest.mark.parametrize('wrap', [lambda model: model, wrapped, FrozenModelWrapper])
def test_the_model_behind_its_wrapper(wrap):
    host = Host(plugin=nn.Identity())
    runner = SimpleNamespace(model=wrap(host))
    assert unwrapped_model(runner) is host
    assert cam_segmentor(runner) is host
    assert prototype_head(runner) is host.prototype_head


def test_another_network_is_refused():
    runner = SimpleNamespace(model=nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r'the model is a Linear.*for a CAMSegmentor'):
        cam_segmentor(runner)


def test_a_host_without_a_plug_in_is_refused():
    with pytest.raises(ValueError, match='cpal_head'):
        prototype_head(SimpleNamespace(model=Host()))
