"""The views of shipped configs, from a file on the disk, against what the released code makes."""

from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmengine.registry import init_default_scope
from PIL import Image

from mmwsss.pipeline.config import load_config

ROOT = Path(__file__).resolve().parents[2]
SIZE = (91, 117)  # at 0.5 and 1.5 a half pixel is left
IMAGE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)  # RGB


def irn_views(image):
    """``misc/imutils.pil_rescale`` of the released IRN, and each view's mirror image."""
    views = []
    for scale in (1.0, 0.5, 1.5, 2.0):
        height, width = (int(np.round(side * scale)) for side in image.shape[:2])
        view = np.asarray(Image.fromarray(image).resize((width, height), Image.BICUBIC))
        views += [view, view[:, ::-1]]
    return views


def clip_es_views(image):
    """torchvision's resize of a Pillow image to the next multiples of the patch."""
    height, width = (int(np.ceil(side / 16) * 16) for side in image.shape[:2])
    return [np.asarray(Image.fromarray(image).resize((width, height), Image.BICUBIC))]


def mctformer_views(image):
    return [image, image[:, ::-1]]


RELEASED = {
    'irn/irn_voc': irn_views,
    'irn/irn_coco': irn_views,
    'amn/amn_voc': irn_views,
    'cpal/irn_cpal_voc': irn_views,
    'cpal/amn_cpal_coco': irn_views,
    'mctformer/mctformer_voc': mctformer_views,
    'clip_es/clip_es_voc': clip_es_views,
    'vpl/clip_es_vpl_voc': clip_es_views,
}


@pytest.mark.parametrize('name', RELEASED)
def test_the_views_of_a_seed_are_the_released_ones(name, tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / 'a.png')
    Image.new('L', SIZE[::-1]).save(tmp_path / 'mask.png')
    init_default_scope('mmseg')
    config = load_config(ROOT / f'configs/{name}.py')
    results = Compose(config.seed_dataloader.dataset.pipeline)(
        {
            'img_path': str(tmp_path / 'a.png'),
            'seg_map_path': str(tmp_path / 'mask.png'),
            'seg_fields': [],
            'reduce_zero_label': False,
        }
    )
    expected = RELEASED[name](IMAGE)
    assert len(results['inputs']) == len(expected)
    for found, view in zip(results['inputs'], expected, strict=True):
        np.testing.assert_array_equal(found.numpy()[::-1].transpose(1, 2, 0), view)


def test_these_sizes_tell_the_roundings_apart():
    assert [view.shape[:2] for view in irn_views(IMAGE)[::2]] == [
        (91, 117),
        (46, 58),
        (136, 176),
        (182, 234),
    ]


@pytest.mark.parametrize('name', ['irn/irn_voc', 'irn/irnet_voc', 'amn/amn_voc'])
def test_a_trainings_view_is_resized_as_released(name):
    """`RandomView` says how (its own test); here that the hosts use it, and how far they scale."""
    config = load_config(ROOT / f'configs/{name}.py')
    (view,) = [
        step
        for step in config.train_dataloader.dataset.pipeline
        if step['type'] == 'mmwsss.RandomView'
    ]
    long = {'irn/irn_voc': (320, 641)}.get(name, (250, 750))
    assert tuple(view['size'] * ratio for ratio in view['ratio_range']) == pytest.approx(long)
    assert view.get('interpolation', 'bicubic') == 'bicubic'
