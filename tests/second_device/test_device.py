"""The device itself: what is an error on CUDA is an error on it, and what is none is none."""

import numpy as np
import pytest
import torch

MIXED = {
    'sum': lambda here, there: here + there,
    'in place': lambda here, there: there.add_(here),
    'into the CPU': lambda here, there: here.add_(there),
    'product': lambda here, there: there @ here,
    'stack': lambda here, there: torch.stack([here.sum(), there.sum()]),
    'where': lambda here, there: torch.where(here > 0, there, there),
    'index from there': lambda here, there: here[there > 0],
    'index_add': lambda here, there: there.index_add_(0, torch.arange(3), there),
    'numpy': lambda here, there: there.numpy(),
    'array': lambda here, there: np.asarray(there),
    'generator': lambda here, there: there.normal_(generator=torch.Generator()),
}
ALLOWED = {
    'number': lambda here, there: there * torch.tensor(2.0),
    'copy': lambda here, there: there.copy_(here),
    'index from here': lambda here, there: there[torch.tensor([0, 2])],
    'list': lambda here, there: there[[0, 2]],
    'mask from here': lambda here, there: there[here > 0],
    'new_tensor': lambda here, there: there + there.new_tensor([1, 2, 3]),
    'tensor': lambda here, there: there + torch.tensor([1, 2, 3], device=there.device),
    'zeros': lambda here, there: there + torch.zeros(3, device=there.device),
}


def tensors(device):
    here = torch.tensor([1.0, -2.0, 3.0])
    return here, here.to(device)


@pytest.mark.parametrize('name', MIXED)
def test_devices_do_not_mix(name, device):
    with pytest.raises((RuntimeError, TypeError)):
        MIXED[name](*tensors(device))


@pytest.mark.parametrize('name', ALLOWED)
def test_what_is_allowed_is_there_and_as_on_the_cpu(name, device):
    here, there = tensors(device)
    found = ALLOWED[name](here, there)
    assert found.device.type == device
    assert found.tolist() == ALLOWED[name](here, here.clone()).tolist()


def test_it_learns(device):
    weight = torch.nn.Parameter(tensors(device)[1])
    (weight**2).sum().backward()
    assert weight.grad.device.type == device
    assert weight.grad.cpu().tolist() == [2, -4, 6]


def test_autocast_casts_what_it_casts_on_cuda(device):
    matrix = torch.eye(3, device=device)
    with torch.autocast(device, dtype=torch.bfloat16):
        product = matrix @ matrix
        assert product.dtype == torch.bfloat16
        assert product.softmax(dim=0).dtype == product.sum().dtype == torch.float32
        assert (product + matrix).dtype == torch.float32
        with pytest.raises(RuntimeError, match='unsafe to autocast'):
            torch.nn.functional.binary_cross_entropy(matrix, matrix)
    with torch.autocast(device, enabled=False):
        assert (matrix @ matrix).dtype == torch.float32
