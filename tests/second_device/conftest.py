"""Every test of this room runs on a second device that is written in Python, and on CUDA."""

import pytest
import torch
from mmengine.registry import DefaultScope
from second_device import NAME, activated, register

register()  # before any `backward` of this process
NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason='there is no CUDA device')


@pytest.fixture(params=[NAME, pytest.param('cuda', marks=NO_CUDA)])
def device(request):
    with activated(request.param), DefaultScope.overwrite_default_scope('mmseg'):
        yield request.param
