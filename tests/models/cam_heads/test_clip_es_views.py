import numpy as np
import pytest
import torch
from clip_models import build

from mmwsss.models.views import Views
from mmwsss.seeds import RefineSettings, refine_seed

pytest.importorskip('open_clip')


def seed_of(full_size, labels=(1, 0, 1, 0)):
    from mmengine.structures import LabelData
    from mmseg.structures import SegDataSample

    from mmwsss.registry import MODELS

    module = build(vectors=torch.randn(6, 16, generator=torch.Generator().manual_seed(3)))
    model = MODELS.build({'type': 'mmwsss.CAMTTAModel', 'module': module, 'full_size': full_size})
    image = torch.randn(1, 3, 24, 32, generator=torch.Generator().manual_seed(2))
    sample = SegDataSample(metainfo={'ori_shape': (21, 30), 'img_shape': (24, 32), 'flip': False})
    sample.gt_label = LabelData(multi_hot=torch.tensor(labels))
    with torch.no_grad():
        output = module.compute_cam(image, [sample])
        views = [module.predict(image, [sample])]
    return model.merge_preds(views)[0].pred_seed, output


def resize_by_loops(rows, size):
    """Bilinear; the outermost cells go on to the border."""

    def between(line, length):
        out = []
        for i in range(length):
            at = min(max((i + 0.5) * len(line) / length - 0.5, 0), len(line) - 1)
            low = min(int(at), len(line) - 2)
            out.append(line[low] * (low + 1 - at) + line[low + 1] * (at - low))
        return out

    wide = [between(row, size[1]) for row in rows]
    columns = [between(list(column), size[0]) for column in zip(*wide, strict=True)]
    return np.array(columns).T


def test_a_seed_is_the_refined_map_stretched_and_then_in_the_size_of_the_image():
    seed, output = seed_of(full_size=True)
    assert seed.classes.tolist() == [0, 2] and seed.cam.shape == (2, 21, 30)
    for own, n in enumerate((0, 2)):
        patches = output.raw[0, n].double()
        patches = (patches - patches.min()) / (patches.max() - patches.min() + 1e-7)
        expected = resize_by_loops(patches.tolist(), (21, 30))
        np.testing.assert_allclose(seed.cam[own], expected, atol=2e-5)


@pytest.mark.parametrize('merged', ['merge_views', 'merge_pacam'])
def test_maps_are_stretched_before_they_are_resized_and_views_are_averaged(merged):
    """One patch of 5 among nine of 2: resized, the four pixels nearest to it are .75^2 of 1."""
    maps = torch.full((1, 3, 3), 2.0)
    maps[0, 1, 1] = 5.0
    empty = torch.full((1, 2, 2), 7.0)  # a constant map is stretched to zero
    head = build(vectors=torch.randn(6, 16)).cam_head
    for views, factor in (([maps], 1.0), ([maps, empty], 0.5)):
        views = Views(maps=views, grid=(6, 6), size=(6, 6), classes=[0], sample=None)
        found = getattr(head, merged)(views)
        found = found.cam if merged == 'merge_views' else found
        assert found.max() == pytest.approx(0.5625 * factor, abs=1e-5)
        assert found.min() == 0
        assert found[0, 2, 2] == found.max()


def test_the_grid_of_a_stored_seed():
    assert seed_of(full_size=False)[0].cam.shape == (2, 6, 8)


def test_an_image_of_background():
    seed, _ = seed_of(full_size=True, labels=(0, 0, 0, 0))
    settings = RefineSettings(crf=None, bg_power=1)
    assert not refine_seed(np.zeros((21, 30, 3), np.uint8), seed, settings)[0].any()


@pytest.mark.parametrize('power', [1, 2])
def test_a_mask_against_a_power_of_what_the_maps_leave(power):
    seed, _ = seed_of(full_size=True)
    settings = RefineSettings(crf=None, bg_power=power)
    mask, _ = refine_seed(np.zeros((21, 30, 3), np.uint8), seed, settings)
    for i in range(21):
        for j in range(30):
            scores = [(1 - max(seed.cam[:, i, j])) ** power, *seed.cam[:, i, j]]
            assert mask[i, j] == [0, 1, 3][int(np.argmax(scores))]
