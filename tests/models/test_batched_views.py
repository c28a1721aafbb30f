import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from small_hosts import NAMES, PAIRS, batch, build, prepare
from torch import nn

from mmwsss.models import batched_views
from mmwsss.models.segmentors import CAMTTAModel, CRFSegTTAModel

VIEWS = [(size, flip) for size in ((32, 48), (16, 32)) for flip in (None, 'horizontal')]


class Recorder(nn.Module):
    """A network that says which images it sees together, by their first pixel."""

    out_channels = 2

    def __init__(self):
        super().__init__()
        self.seen = []

    def test_step(self, data):
        self.seen.append([int(image[0, 0, 0]) for image in data['inputs']])
        for number, sample in zip(self.seen[-1], data['data_samples'], strict=True):
            sample.seg_logits = PixelData(data=torch.full((2, 1, 1), float(number)))
        return data['data_samples']


def numbered(*sizes):
    """Views, each of images of the given sizes, whose pixels say which they are."""
    inputs, samples = [], []
    for view, images in enumerate(sizes):
        inputs.append(
            [torch.full((3, *size), 10 * view + number) for number, size in enumerate(images)]
        )
        samples.append([SegDataSample() for _ in images])
    return {'inputs': inputs, 'data_samples': samples}


def seen(views, limit, monkeypatch):
    monkeypatch.setattr(batched_views, 'MAX_PIXELS', limit)
    network = Recorder()
    merged = CRFSegTTAModel(network).predict_views(views)
    found = [[int(sample.seg_logits.data[0, 0, 0]) for sample in image] for image in merged]
    return network.seen, found


def test_what_is_of_one_size_is_one_batch(monkeypatch):
    wide, small = (2, 4), (1, 2)
    views = numbered([wide, wide], [wide, wide], [small, wide])
    batches, images = seen(views, 1000, monkeypatch)
    assert batches == [[0, 1, 10, 11, 21], [20]]
    assert images == [[0, 10, 20], [1, 11, 21]]


@pytest.mark.parametrize(
    ('limit', 'batches'),
    [(24, [[0, 10, 20], [30]]), (17, [[0, 10], [20, 30]]), (3, [[0], [10], [20], [30]])],
)
def test_a_batch_has_no_more_pixels_than_fit(limit, batches, monkeypatch):
    found, images = seen(numbered(*[[(2, 4)]] * 4), limit, monkeypatch)
    assert found == batches
    assert images == [[0, 10, 20, 30]]


def views_of_two_images():
    data = [batch(*view) for view in VIEWS]
    return {name: [view[name] for view in data] for name in data[0]}


def one_by_one(model, data):
    views = [
        [
            model.module.test_step({'inputs': [image], 'data_samples': [sample]})[0]
            for image, sample in zip(images, samples, strict=True)
        ]
        for images, samples in zip(data['inputs'], data['data_samples'], strict=True)
    ]
    return model.merge_preds(list(zip(*views, strict=True)))


@pytest.mark.parametrize(('host', 'plug_in'), PAIRS, ids=NAMES)
@torch.no_grad()
def test_seeds_are_those_of_the_views_one_by_one(host, plug_in):
    if host.startswith('clip'):
        pytest.importorskip('open_clip')
    network = build(host, plug_in)
    if not host.startswith('clip'):  # a flat map stretched to [0, 1] would show the rounding
        for parameter in network.backbone.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    prepare(network)
    model = CAMTTAModel(network.eval())
    expected = one_by_one(model, views_of_two_images())
    for together, alone in zip(model.test_step(views_of_two_images()), expected, strict=True):
        for name in ('cam', 'background', 'pacam', 'pacam_background'):
            maps, others = (getattr(sample.pred_seed, name) for sample in (together, alone))
            assert (maps is None) == (others is None)
            if maps is not None:
                np.testing.assert_allclose(maps, others, rtol=0, atol=1e-5)
    assert (together.pred_seed.pacam is None) == (plug_in is None)
