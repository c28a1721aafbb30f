"""What the contracts of hosts and plug-ins say, asked of every one that is registered."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsss.models.backbones import ClassTokenFeatures
from mmwsss.models.cam_heads import BaseCAMHead
from mmwsss.models.prototypes import BasePrototypeHead
from mmwsss.models.views import Views
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput

IMAGES, CLASSES, CHANNELS = 2, 4, 6
GRID, SIZE, PADDED = (3, 5), (48, 80), 32  # from this column on the second image is padding
LABEL = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 0]])


def stages():
    maps = [torch.randn(IMAGES, CHANNELS, *GRID).relu() for _ in range(4)]
    return tuple(maps)


def tokens():
    count = CLASSES + GRID[0] * GRID[1]
    return ClassTokenFeatures(
        class_tokens=torch.randn(IMAGES, CLASSES, CHANNELS),
        attention=torch.randn(3, IMAGES, count, count).softmax(-1),
        patch_tokens=torch.randn(IMAGES, CHANNELS, *GRID),
    )


def build(name, **options):
    return MODELS.build({'type': f'mmwsss.{name}', 'num_classes': CLASSES, **options})


def convolutional(name, **options):
    return build(name, in_channels=CHANNELS, **options), stages(), True


def clip(name):
    pytest.importorskip('open_clip')
    import clip_models

    model = clip_models.build(
        vectors=torch.randn(6, 16), head=f'mmwsss.{name}', num_classes=CLASSES
    )
    # patches of 8 pixels; an image is seen whole
    with torch.no_grad():
        features = model.backbone(torch.randn(IMAGES, 3, *(8 * side for side in GRID)))
    return model.cam_head, features, False


SIDES = {
    'type': 'mmwsss.SideProjection',
    'in_channels': (CHANNELS,) * 4,
    'out_channels': (1, 1, 2, 2),
}
HOSTS = {  # smallest network, its features, whether images may be padded
    'LinearCAMHead': lambda: convolutional('LinearCAMHead'),
    'AMNHead': lambda: convolutional('AMNHead', dilations=(1, 2)),
    'SIPEHead': lambda: convolutional('SIPEHead', projection=SIDES),
    'ClassTokenHead': lambda: convolutional('ClassTokenHead', token_channels=3),
    'MCTformerHead': lambda: (build('MCTformerHead', in_channels=CHANNELS), tokens(), True),
    'CLIPESHead': lambda: clip('CLIPESHead'),
    'CLIPESAdapterHead': lambda: clip('CLIPESAdapterHead'),
    'OneStageCLIPHead': lambda: (*clip('OneStageCLIPHead')[:2], True),
}
PLUG_INS = {  # options beside the projection, which depends on the host
    'PrototypeAwareCAMHead': [
        {},
        {'background': 'prototype', 'instances': 'ownership'},
    ],
}
PLUGGED = [(name, options) for name, variants in PLUG_INS.items() for options in variants]


@pytest.mark.parametrize(
    ('contract', 'cases'), [(BaseCAMHead, HOSTS), (BasePrototypeHead, PLUG_INS)]
)
def test_every_registered_head_is_asked(contract, cases):
    MODELS.import_from_location()
    registered = {
        name
        for name, kind in MODELS.module_dict.items()
        if isinstance(kind, type) and issubclass(kind, contract) and 'mmwsss.' in kind.__module__
    }
    assert registered == set(cases)


@pytest.fixture(params=HOSTS)
def host(request):
    """A head in evaluation, and what it makes of two images, the second one padded."""
    torch.manual_seed(0)
    head, features, may_pad = HOSTS[request.param]()
    valid = torch.ones(IMAGES, 1, *SIZE)
    if may_pad:
        valid[1, :, :, PADDED:] = 0
    with torch.no_grad():
        return head.eval(), head(features, valid, LABEL)


def samples():
    drawn = []
    for _ in range(IMAGES):
        sample = SegDataSample(metainfo={'ori_shape': SIZE, 'img_shape': SIZE})
        sample.gt_sem_seg = PixelData(data=torch.randint(0, CLASSES + 1, (1, *SIZE)))
        drawn.append(sample)
    return drawn


def check_losses(losses):
    for name, loss in losses.items():
        assert 'loss' in name
        assert loss.shape == () and loss.isfinite()


def test_what_a_host_hands_out(host):
    _, output = host
    height, width = output.cam.shape[-2:]
    assert isinstance(output, CAMOutput)
    assert output.cam.shape == (IMAGES, CLASSES, height, width)
    assert output.cam.min() >= 0 and output.cam.max() <= 1 and output.cam.any()
    assert output.valid.shape == (IMAGES, 1, height, width)
    assert set(output.valid.unique().tolist()) <= {0.0, 1.0}
    assert not (output.cam * (1 - output.valid)).any()
    assert isinstance(output.features, tuple)
    assert all(stage.ndim == 4 and len(stage) == IMAGES for stage in output.features)
    shapes = {
        'logits': (IMAGES, CLASSES),
        'raw': (IMAGES, CLASSES, height, width),
        'pixel_logits': (IMAGES, CLASSES + 1, height, width),
        'background': (IMAGES, height, width),
        'affinity': (IMAGES, height * width, height * width),
    }
    for field, shape in shapes.items():
        value = getattr(output, field)
        assert value is None or value.shape == shape, field
    tensors = [value for value in vars(output).values() if isinstance(value, torch.Tensor)]
    assert not any(value.requires_grad for value in tensors)


def test_a_seed_is_made_of_the_views_without_a_gradient(host):
    head, output = host
    classes = LABEL[0].nonzero()[:, 0]
    with torch.no_grad():
        maps = head.view_maps(output, 0, classes)
        smaller = torch.nn.functional.avg_pool2d(maps[None], 2)[0]
        size = (4, 6)
        views = Views([maps, maps.flip(-1), smaller], size, size, classes.tolist(), samples()[0])
        merged = head.merge_views(views)
        pacam = head.refine_pacam(output, torch.rand_like(output.cam) * output.valid)
        refined = Views([pacam[0, classes]], size, size, classes.tolist(), samples()[0])
        merged_pacam = head.merge_pacam(refined)
    for found in (merged.cam, merged_pacam):
        assert found.shape == (len(classes), *size)
        assert found.min() >= 0 and found.max() <= 1 and found.any()
    assert pacam.shape == output.cam.shape and pacam.min() >= 0
    assert (merged.background is not None) == head.own_background
    if head.own_background:
        assert merged.background.shape == size
        assert merged.background.min() >= 0 and merged.background.max() <= 1


def plug_in(name, options, output):
    projection = {
        'type': 'mmwsss.IdentityProjection',
        'in_channels': output.features[-1].shape[1],
    }
    bank = {'length': 4, 'num_prototypes': 2}
    return build(name, projection=projection, bank=bank, **options)


@pytest.mark.parametrize(('name', 'options'), PLUGGED)
def test_host_and_plug_in_lose_under_different_names(host, name, options):
    head, output = host
    losses = head.loss(output, LABEL, samples())
    added = plug_in(name, options, output).loss(output, LABEL)
    check_losses(losses)
    check_losses(added)
    assert added and not losses.keys() & added.keys()


@pytest.mark.parametrize(('name', 'options'), PLUGGED)
def test_a_plug_in_maps_the_present_classes_inside_the_image(host, name, options):
    _, output = host
    extra = plug_in(name, options, output)
    assert extra.has_background == extra.gives_background(options)
    with torch.no_grad():
        for _ in range(4):
            extra.collect(output, LABEL)
        extra.update_context_prototypes(0)
        maps = extra.eval().predict(output, LABEL)
    channels = CLASSES + extra.has_background
    assert maps.shape[:2] == (IMAGES, channels)
    assert not maps.requires_grad and maps.isfinite().all()
    of_classes = maps[:, -CLASSES:]
    present = LABEL.bool()
    assert of_classes[present].any() and not of_classes[~present].any()
    valid = torch.nn.functional.interpolate(output.valid, maps.shape[-2:], mode='nearest-exact')
    assert not (maps * (1 - valid)).any()
    assert extra.has_background or maps.min() >= 0
