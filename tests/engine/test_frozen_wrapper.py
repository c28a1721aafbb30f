import torch
from mmengine.model import is_model_wrapper
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from mmwsss.engine import FrozenModelWrapper


class Model(nn.Module):
    def train_step(self, data, optim_wrapper):
        return {'loss': data}

    def val_step(self, data):
        return [data]

    test_step = val_step

    def forward(self, inputs):
        return inputs + 1


def test_the_runner_takes_it_for_a_wrapper_and_reaches_the_model():
    model = Model()
    wrapped = MODEL_WRAPPERS.build(
        {'type': 'mmwsss.FrozenModelWrapper'}, default_args={'module': model}
    )
    # as the Runner asks for it
    assert MODEL_WRAPPERS.get('mmwsss.FrozenModelWrapper') is FrozenModelWrapper
    assert isinstance(wrapped, FrozenModelWrapper) and is_model_wrapper(wrapped)
    assert wrapped.module is model
    assert wrapped.train_step(3, None) == {'loss': 3}
    assert wrapped.val_step(4) == wrapped.test_step(4) == [4]
    assert wrapped(torch.tensor(1)) == 2
