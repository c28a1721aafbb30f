import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from PIL import Image

from mmwsss.registry import TRANSFORMS

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (37, 53, 3), dtype=np.uint8)


def build(**config):
    with DefaultScope.overwrite_default_scope('mmseg'):  # as our configs do
        return TRANSFORMS.build(config)


def views_of(image, **options):
    """Images ``(H, W, 3)`` and flips of the views."""
    transform = build(type='mmwsss.MultiScaleFlip', **options)
    packed = transform({'img': image, 'ori_shape': image.shape[:2], 'img_path': 'a.jpg'})
    images = [view.permute(1, 2, 0).numpy() for view in packed['inputs']]
    return images, [sample.flip for sample in packed['data_samples']]


def pillow(image, size, resample=Image.BICUBIC):
    return np.array(Image.fromarray(image).resize(size[::-1], resample))


def test_views_are_every_scale_and_its_mirror_as_released():
    """IRN: Pillow's bicubic of each scale, sides rounded half to even; the mirror after it."""
    scales = (1.0, 0.5, 1.5, 2.0)
    images, flips = views_of(IMAGE, scales=scales)
    assert flips == [False, True] * 4
    for scale, plain, mirrored in zip(scales, images[::2], images[1::2], strict=True):
        size = int(np.round(37 * scale)), int(np.round(53 * scale))
        np.testing.assert_array_equal(plain, pillow(IMAGE, size))
        np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    assert [image.shape[:2] for image in images[::2]] == [(37, 53), (18, 26), (56, 80), (74, 106)]


def test_without_scales_the_image_keeps_its_size():
    images, flips = views_of(IMAGE)
    assert flips == [False, True]
    np.testing.assert_array_equal(images[0], IMAGE)


def test_one_view_of_a_multiple_as_clip_es_has():
    images, flips = views_of(IMAGE, size_divisor=16, flip=False)
    assert flips == [False]
    np.testing.assert_array_equal(images[0], pillow(IMAGE, (48, 64)))


def test_one_size_and_bilinear():
    images, _ = views_of(IMAGE, size=(20, 30), flip=False, interpolation='bilinear')
    np.testing.assert_array_equal(images[0], pillow(IMAGE, (20, 30), Image.BILINEAR))
    with pytest.raises(ValueError, match='give one of'):
        views_of(IMAGE, size=(20, 30), scales=(1.0,))


def test_long_sides_are_pixels_in_either_orientation():
    for image in (IMAGE, IMAGE.transpose(1, 0, 2)):
        images, flips = views_of(np.ascontiguousarray(image), long_sides=(32, 106))
        assert [max(view.shape[:2]) for view in images] == [32, 32, 106, 106]
        assert flips == [False, True] * 2
        tall = image.shape[0] > image.shape[1]
        assert images[2].shape[:2] == ((106, 74) if tall else (74, 106))


def test_segmentors_resize_as_opencv_does():
    images, _ = views_of(IMAGE, scales=(0.5,), resize='Resize', interpolation='bilinear')
    own, _ = views_of(IMAGE, scales=(0.5,), interpolation='bilinear')
    assert images[0].shape == (19, 27, 3)  # half up
    assert own[0].shape == (18, 26, 3)


def test_a_random_view_is_pillows_too():
    """Small enough for the crop: it is a resized image, whole, on zeros."""
    transform = build(
        type='mmwsss.RandomView', size=40, ratio_range=(0.5, 1.0), crop_size=48, flip_prob=0.0
    )
    for _ in range(20):
        result = transform({'img': IMAGE})
        rows, columns = (np.flatnonzero(result['valid_mask'].any(axis=axis)) for axis in (1, 0))
        size = len(rows), len(columns)
        assert 20 <= size[1] <= 40 and size[0] == round(37 * size[1] / 53)
        shown = result['img'][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        np.testing.assert_array_equal(shown, pillow(IMAGE, size))
        assert torch.from_numpy(result['img']).count_nonzero() <= shown.size


def test_masks_are_read_where_they_are_asked_for(tmp_path):
    mask = RNG.integers(0, 3, IMAGE.shape[:2], dtype=np.uint8)
    Image.fromarray(mask).save(tmp_path / 'a.png')
    for annotations in (True, False):
        transform = build(type='mmwsss.MultiScaleFlip', scales=(0.5,), annotations=annotations)
        results = {
            'img': IMAGE,
            'ori_shape': IMAGE.shape[:2],
            'img_path': 'a.jpg',
            'seg_map_path': str(tmp_path / 'a.png'),
            'seg_fields': [],
            'reduce_zero_label': False,
        }
        samples = transform(results)['data_samples']
        assert all(('gt_sem_seg' in sample) == annotations for sample in samples)
    assert [view.shape for view in transform(results)['inputs']] == [(3, 18, 26)] * 2


def test_a_view_is_packed_as_the_config_says():
    transform = build(type='mmwsss.MultiScaleFlip', flip=False, pack='PackSegInputs')
    packed = transform({'img': IMAGE, 'ori_shape': IMAGE.shape[:2], 'img_path': 'a.jpg'})
    assert 'valid_mask' not in packed['data_samples'][0]
    with pytest.raises(ValueError, match='give one of'):
        build(type='mmwsss.MultiScaleFlip', scales=(1.0,), long_sides=(32,))


def test_half_of_the_random_views_are_mirrored_unless_another_share_is_asked_for():
    ramp = np.repeat(np.arange(40, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(30, axis=0)
    options = {'type': 'mmwsss.RandomView', 'size': 40, 'ratio_range': (1.0, 1.01), 'crop_size': 40}
    shares = {}
    np.random.seed(0)
    for name, more in {'half': {}, 'all': {'flip_prob': 1.0}, 'none': {'flip_prob': 0.0}}.items():
        transform = build(**options, **more)
        views = [transform({'img': ramp})['img'].astype(int) for _ in range(60)]
        shares[name] = np.mean([view[15, 3, 0] > view[15, -4, 0] for view in views])
    assert shares['all'] == 1 and shares['none'] == 0 and 0.25 < shares['half'] < 0.75


def test_a_random_view_is_resized_and_cropped_as_the_config_says():
    options = {'type': 'mmwsss.RandomView', 'size': 40, 'flip_prob': 0.0, 'ratio_range': (1.0, 1.0)}
    for name, resample in (('bilinear', Image.BILINEAR), ('bicubic', Image.BICUBIC)):
        more = {} if name == 'bicubic' else {'interpolation': name}
        view = build(**options, crop_size=(28, 40), **more)({'img': IMAGE})['img']
        np.testing.assert_array_equal(view, pillow(IMAGE, (28, 40), resample))
