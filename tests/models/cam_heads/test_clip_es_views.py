import numpy as np
import pytest
import torch
from clip_models import build

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


def test_a_seed_is_the_refined_map_in_the_size_of_the_image_between_0_and_1():
    seed, output = seed_of(full_size=True)
    assert seed.classes.tolist() == [0, 2] and seed.cam.shape == (2, 21, 30)
    for own, n in enumerate((0, 2)):
        large = torch.nn.functional.interpolate(
            output.raw[:, n : n + 1], (21, 30), mode='bilinear', align_corners=False
        )[0, 0].double()
        expected = (large - large.min()) / (large.max() - large.min() + 1e-7)
        np.testing.assert_allclose(seed.cam[own], expected, atol=2e-5)


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
