"""From images to a seed, for every host: each view as it is, then merged again in plain numpy."""

from dataclasses import replace

import numpy as np
import pytest
import small_networks  # noqa: F401 (registers TwoStages)
import torch
from clip_models import SMALL, TEXT
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsss.models.segmentors import CAMTTAModel
from mmwsss.registry import MODELS

NUM = 4  # foreground classes
PRESENT = [0, 3]
SIZE = (51, 70)  # of the image: a grid of 13 x 18 cells
VIEWS = [
    (size, flip)
    for size in ((48, 64), (24, 40), (72, 96))
    for flip in (None, 'horizontal', 'vertical')
]
CONV = {'type': 'mmwsss.TwoStages'}
VIT = {
    'type': 'mmwsss.ClassTokenViT',
    'num_classes': NUM,
    'arch': {'embed_dims': 8, 'num_layers': 4, 'num_heads': 2, 'feedforward_channels': 16},
    'img_size': 64,
}
CLIP = {
    'type': 'mmwsss.CLIPESBackbone',
    'model_name': SMALL,
    'pretrained': None,
    'num_attention_blocks': 3,
}
CLIP_HEAD = {'type': 'mmwsss.CLIPESHead', 'embed_dims': 16, 'text': TEXT}


# --- merging, written from METHODS.md; maps are (K, h, w) arrays --------------------------------


def enlarge(maps, size):
    """Bilinear interpolation between the middles of cells, row by row and column by column."""
    height, width = maps.shape[1:]
    out = np.zeros((len(maps), *size))
    for y in range(size[0]):
        above = min(max((y + 0.5) * height / size[0] - 0.5, 0), height - 1)
        top, share_y = int(above), above - int(above)
        rows = maps[:, top] * (1 - share_y) + maps[:, min(top + 1, height - 1)] * share_y
        for x in range(size[1]):
            before = min(max((x + 0.5) * width / size[1] - 0.5, 0), width - 1)
            left, share_x = int(before), before - int(before)
            right = rows[:, min(left + 1, width - 1)]
            out[:, y, x] = rows[:, left] * (1 - share_x) + right * share_x
    return out


def unflip(maps, flip):
    return {None: maps, 'horizontal': maps[:, :, ::-1], 'vertical': maps[:, ::-1]}[flip]


def total(views, grid):
    return sum(
        enlarge(unflip(maps, flip), grid) for maps, (_, flip) in zip(views, VIEWS, strict=True)
    )


def by_max(maps):
    return np.stack([plane / (plane.max() + 1e-5) for plane in maps])


def by_range(maps, eps):
    return np.stack([(plane - plane.min()) / (np.ptp(plane) + eps) for plane in maps])


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=0))
    return powers / powers.sum(axis=0)


def irn(outputs, grid, crop, ir_label):
    raw = [np.maximum(output.raw[0, PRESENT].numpy(), 0) for output in outputs]
    return by_max(total(raw, grid)[:, : crop[0], : crop[1]]), None


def amn(outputs, grid, crop, ir_label):
    mean = total([output.pixel_logits[0].numpy() for output in outputs], grid) / len(outputs)
    kept = softmax(mean)[[0, *(n + 1 for n in PRESENT)]]
    rows = [int((y + 0.5) * SIZE[0] / grid[0]) for y in range(grid[0])]
    columns = [int((x + 0.5) * SIZE[1] / grid[1]) for x in range(grid[1])]
    stretched = ir_label[rows][:, columns] != 0
    maps = np.where(stretched, by_range(kept, 1e-5), kept)
    return maps[1:], maps[0]


def cpf_cte(outputs, grid, crop, ir_label):
    views = []
    for output in outputs:
        if output.pixel_logits is None:
            scaled = by_max(output.cam[0, PRESENT].numpy())
            scores = np.concatenate([1 - scaled.max(axis=0, keepdims=True), scaled])
        else:
            probability = softmax(output.pixel_logits[0].numpy())
            scores = by_max(probability[[0, *(n + 1 for n in PRESENT)]])
        views.append(scores / scores.sum(axis=0))
    mean = total(views, grid)[:, : crop[0], : crop[1]] / len(views)
    return mean[1:], mean[0]


def mctformer(outputs, grid, crop, ir_label):
    raw = [np.maximum(output.raw[0, PRESENT].numpy(), 0) for output in outputs]
    return by_range(total(raw, grid), 1e-8), None


def clip_es(outputs, grid, crop, ir_label):
    return mean_of_stretched([output.raw[0, PRESENT].numpy() for output in outputs], grid), None


def mean_of_stretched(views, grid):
    return total([by_range(maps, 1e-7) for maps in views], grid) / len(views)


# host -> backbone, head, its channels, merging, whether full-size maps lie on IRN's padded grid
HOSTS = {
    'irn': (CONV, {'type': 'mmwsss.LinearCAMHead', 'in_channels': 6}, 6, irn, True),
    'amn': (CONV, {'type': 'mmwsss.AMNHead', 'in_channels': 6, 'dilations': (1,)}, 6, amn, False),
    'mctformer': (VIT, {'type': 'mmwsss.MCTformerHead', 'in_channels': 8}, 8, mctformer, False),
    'clip_es': (CLIP, CLIP_HEAD, 16, clip_es, False),
    'clip_es_adapter': (CLIP, CLIP_HEAD | {'type': 'mmwsss.CLIPESAdapterHead'}, 16, clip_es, False),
}
HOSTS |= {
    f'cpf_cte_{activation}': (
        CONV,
        {'type': 'mmwsss.ClassTokenHead', 'in_channels': 6, 'activation': activation},
        6,
        cpf_cte,
        True,
    )
    for activation in ('softmax', 'softmax_fg', 'sigmoid')
}


def build(backbone, head, channels, **options):
    """A host with CPAL, whose bank is full."""
    torch.manual_seed(0)
    projection = {'type': 'mmwsss.IdentityProjection', 'in_channels': channels}
    model = MODELS.build(
        {
            'type': 'mmwsss.CAMSegmentor',
            'backbone': backbone,
            'cam_head': {**head, 'num_classes': NUM},
            'prototype_head': {
                'type': 'mmwsss.PrototypeAwareCAMHead',
                'num_classes': NUM,
                'projection': projection,
                'bank': {'length': 10, 'num_prototypes': 2},
                'tau': 0.0,
                **options,
            },
        }
    ).eval()
    for parameter in model.parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    if backbone is CLIP:
        model.cam_head.text.set_vectors(torch.randn(6, 16))
    rows = len(model.prototype_head.bank.count)
    model.prototype_head.bank.enqueue(torch.randn(40, channels), torch.arange(40) % rows)
    model.prototype_head.update_context_prototypes(0)
    return model


def make_sample(size, flip, ir_label):
    meta = {'ori_shape': SIZE, 'img_shape': size, 'img_path': 'a.jpg'}
    sample = SegDataSample(metainfo={**meta, 'flip': flip is not None, 'flip_direction': flip})
    sample.gt_label = LabelData(multi_hot=torch.tensor([float(n in PRESENT) for n in range(NUM)]))
    sample.gt_sem_seg = PixelData(data=ir_label[None])
    return sample


@pytest.mark.parametrize('full_size', [False, True])
@pytest.mark.parametrize('name', HOSTS)
def test_a_seed_is_the_views_merged(name, full_size):
    backbone, head, channels, merge, padded = HOSTS[name]
    if backbone is CLIP:
        pytest.importorskip('open_clip')
    model = build(backbone, head, channels)
    ir_label = torch.tensor([0, 1, 255])[torch.randint(0, 3, SIZE)]
    views, outputs, pacams = [], [], []
    for size, flip in VIEWS:
        image, sample = torch.randn(1, 3, *size), make_sample(size, flip, ir_label)
        with torch.no_grad():
            output = model.compute_cam(image, [sample])
            pacam = model.prototype_head.predict(output, sample.gt_label.multi_hot[None])
            pacam = model.cam_head.refine_pacam(output, pacam)  # both are on one grid here
            views += model.predict(image, [sample])
        outputs.append(output)
        pacams.append(pacam[0, PRESENT].numpy())
    grid = crop = SIZE if full_size else (13, 18)
    if full_size and padded:
        grid = (64, 80)
    (merged,) = CAMTTAModel(model, full_size=full_size).merge_preds([views])
    seed = merged.pred_seed
    cam, background = merge(outputs, grid, crop, ir_label.numpy())
    close = {'rtol': 0, 'atol': 2e-5}
    np.testing.assert_allclose(seed.cam, cam, **close)
    assert seed.cam.std() > 0.03  # not the same everywhere, which every merging would get right
    assert (seed.background is None) == (background is None)
    if background is not None:
        np.testing.assert_allclose(seed.background, background, **close)
    if backbone is CLIP:
        expected = mean_of_stretched(pacams, grid)
    else:
        expected = by_max(total(pacams, grid)[:, : crop[0], : crop[1]])
    np.testing.assert_allclose(seed.pacam, expected, **close)


@pytest.mark.parametrize('name', HOSTS)
def test_what_the_bank_holds_says_where_the_pacam_is(name):
    """A context prototype that is the feature of one place lights that place up most, on any host.

    Two places, one after the other: nothing of the host's own map decides it.
    """
    backbone, head, channels, _, _ = HOSTS[name]
    if backbone is CLIP:
        pytest.importorskip('open_clip')
    model = build(backbone, head, channels)
    size = VIEWS[0][0]
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(9))
    sample = make_sample(size, None, torch.zeros(SIZE, dtype=torch.long))
    with torch.no_grad():
        output = model.compute_cam(image, [sample])
        output = replace(output, cam=torch.ones_like(output.cam))
        plugin = model.prototype_head
        features = plugin.projection(output.features)[0].flatten(1)  # (D, L)
        for place in (0, features.shape[1] // 2):
            plugin.bank.context[PRESENT, 0] = features[:, place]
            plugin.bank.context_count[:] = 1
            maps = plugin.predict(output, sample.gt_label.multi_hot[None])[0].flatten(1)
            for n in PRESENT:
                assert maps[n, place] == pytest.approx(1, abs=1e-5)
                assert maps[n, place] >= maps[n].max() - 1e-5
                assert maps[n].min() < 0.999


@pytest.mark.parametrize('name', HOSTS)
def test_a_background_with_a_prototype_reaches_the_seed(name):
    """Cosines are averaged over views as they are; the host adds nothing to them."""
    backbone, head, channels, _, _ = HOSTS[name]
    if backbone is CLIP:
        pytest.importorskip('open_clip')
    model = build(backbone, head, channels, background='prototype', instances='ownership')
    views, cosines = [], []
    for size, flip in VIEWS:
        image, sample = torch.randn(1, 3, *size), make_sample(size, flip, torch.zeros(SIZE).long())
        with torch.no_grad():
            output = model.compute_cam(image, [sample])
            maps = model.prototype_head.predict(output, sample.gt_label.multi_hot[None])
            views += model.predict(image, [sample])
        cosines.append(maps[0, [0, *(n + 1 for n in PRESENT)]].numpy())
    (merged,) = CAMTTAModel(model).merge_preds([views])
    seed, grid = merged.pred_seed, (13, 18)
    mean = np.maximum(total(cosines, grid) / len(VIEWS), 0)
    both = mean[0] + mean[1:].max(axis=0)
    safe = np.where(both > 0, both, 1)
    np.testing.assert_allclose(seed.pacam, mean[1:] / safe, atol=2e-5)
    ground = np.where(both > 0, mean[0] / safe, 1)
    np.testing.assert_allclose(seed.pacam_background, ground, atol=2e-5)
