"""A step, and the views of a seed, are given to the device without waiting for it in between.

A GPU that is waited for stands still until it is given more. Of these hosts CLIP-ES alone has to
wait: it draws boxes around what its maps hold. In a Runner, mmengine reads the losses of each step.
"""

import pytest
import torch
from mmengine.optim import OptimWrapper
from second_device import refusing_to_wait
from small_hosts import PAIRS, batch, build, prepare

from mmwsss.models.segmentors import CAMTTAModel

PAIRS = [(host, plug_in) for host, plug_in in PAIRS if not host.startswith('clip_es')]


@pytest.mark.parametrize(('host', 'plug_in'), PAIRS)
def test_a_training_step(host, plug_in, device):
    model = build(host, plug_in).to(device)
    prepare(model)
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    with refusing_to_wait(device):
        model.train_step(batch(), optimizer)


@torch.no_grad()
@pytest.mark.parametrize(('host', 'plug_in'), PAIRS)
def test_the_views_of_a_seed(host, plug_in, device):
    model = build(host, plug_in).to(device)
    prepare(model)
    views = [batch(), batch((16, 32), 'horizontal')]
    data = {name: [view[name] for view in views] for name in views[0]}
    with refusing_to_wait(device):
        CAMTTAModel(model.eval()).predict_views(data)


def test_what_waits_is_refused(device):
    known = torch.tensor([0.0, 1.0])
    there = known.to(device)
    for waits in (
        there.cpu,
        there.nonzero,
        there.tolist,
        there.long().bincount,
        lambda: known.to(device),
        lambda: there[there > 0],
        lambda: there[[1, 0]],
        lambda: bool(there.any()),
    ):
        with refusing_to_wait(device), pytest.raises(RuntimeError):
            waits()
    with refusing_to_wait(device):
        known.to(device, non_blocking=True)
        there[there.long()].sum()
