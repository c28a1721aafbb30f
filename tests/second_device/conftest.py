"""Every test of this room runs on CUDA where it is there, else on a device written in Python.

Not on both in one process: once a device of Python's is registered, `backward` fails on CUDA.
"""

import pytest
import torch
from mmengine.registry import DefaultScope
from second_device import NAME, activated, register

if not torch.cuda.is_available():
    register()  # before any `backward` of this process


@pytest.fixture(params=['cuda' if torch.cuda.is_available() else NAME])
def device(request, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)  # 10 bits of a float32's 23
    with activated(request.param), DefaultScope.overwrite_default_scope('mmseg'):
        yield request.param
