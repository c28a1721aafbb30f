"""From the views of an image under AMN to its seed."""

import math

import pytest
import torch
from mmengine.structures import PixelData
from view_samples import SIZE, make_view, resize
from view_samples import merge as merge_views

NUM = 5  # foreground classes
HOST = {'type': 'mmwsss.AMNHead', 'in_channels': 3, 'num_classes': NUM}


def labelled_view(logits, label, flip=None, classes=(1, 4)):
    fields = {} if label is None else {'gt_sem_seg': PixelData(data=label[None])}
    return make_view(logits, flip, classes, **fields)


def merge(views, **options):
    return merge_views(HOST, views, **options)


def naive_seed(straight, label, classes, grid):
    """Softmax of the mean logits, then the range of every kept channel where the label is not 0.

    Args:
        straight: Logits (N + 1, h, w) on `grid`, flipped back and resized.
        label: The ir_label on `grid`.
        classes: Foreground classes, 0-based.
        grid: (h, w).
    """
    height, width = grid
    share = [[[0.0] * width for _ in range(height)] for _ in range(NUM + 1)]
    for y in range(height):
        for x in range(width):
            mean = [sum(view[c][y][x] for view in straight) / len(straight) for c in range(NUM + 1)]
            total = sum(math.exp(value) for value in mean)
            for c in range(NUM + 1):
                share[c][y][x] = math.exp(mean[c]) / total
    out = []
    for c in [0, *(n + 1 for n in classes)]:
        values = [value for row in share[c] for value in row]
        low, high = min(values), max(values)
        out.append(
            [
                [
                    (share[c][y][x] - low) / (high - low + 1e-5) if label[y][x] else share[c][y][x]
                    for x in range(width)
                ]
                for y in range(height)
            ]
        )
    return torch.tensor(out)


def random_label():
    """An ir_label with all three kinds of pixels."""
    label = torch.zeros(SIZE, dtype=torch.int64)
    label[:, 9:] = 2
    label[6:, 4:12] = 255
    return label


def four_views(label, classes=(1, 4)):
    """Two scales, each with its flip; and the same logits flipped back."""
    generator = torch.Generator().manual_seed(0)
    logits = [
        3 * torch.randn(NUM + 1, *size, generator=generator)
        for size in ((1, 2), (1, 2), (2, 3), (2, 3))
    ]
    views = [
        labelled_view(each, label, 'horizontal' if k % 2 else None, classes)
        for k, each in enumerate(logits)
    ]
    return views, [logits[0], logits[1].flip(2), logits[2], logits[3].flip(2)]


def test_seed_in_plain_loops_on_the_stride_4_grid():
    label = random_label()
    views, straight = four_views(label)
    seed = merge(views)
    assert seed.classes.tolist() == [1, 4]
    assert seed.size == SIZE
    assert seed.cam.shape == (2, 3, 5)
    # cell i of 3 takes pixel floor((i + 0.5) * 10 / 3): 1, 5, 8; of 5: 1, 5, 9, 12, 16
    small = label[[1, 5, 8]][:, [1, 5, 9, 12, 16]]
    assert set(small.flatten().tolist()) == {0, 2, 255}
    resized = [resize(view, (3, 5)).tolist() for view in straight]
    expected = naive_seed(resized, small.tolist(), (1, 4), (3, 5))
    torch.testing.assert_close(torch.from_numpy(seed.background), expected[0])
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected[1:])
    assert seed.pacam is None


def test_full_size_seeds_lie_on_the_grid_of_the_image():
    label = random_label()
    views, straight = four_views(label)
    seed = merge(views, full_size=True)
    resized = [resize(view, SIZE).tolist() for view in straight]
    expected = naive_seed(resized, label.tolist(), (1, 4), SIZE)
    torch.testing.assert_close(torch.from_numpy(seed.background), expected[0])
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected[1:])


def test_probabilities_stay_where_the_label_is_background():
    """The softmax goes over all classes, absent ones too, and only the rest is stretched."""
    label = torch.zeros(SIZE, dtype=torch.int64)
    logits = torch.zeros(NUM + 1, 3, 5)
    logits[5, 0, 0] = math.log(4)  # class 4: 4 of 9 in one cell, 1 of 6 elsewhere
    seed = merge([labelled_view(logits, label)])
    expected = torch.full((2, 3, 5), 1 / 6)
    expected[:, 0, 0] = torch.tensor([1 / 9, 4 / 9])
    torch.testing.assert_close(torch.from_numpy(seed.cam), expected)
    assert seed.background[0, 0] == pytest.approx(1 / 9)
    label[8, 16] = 255  # the last cell is stretched, to the minimum of class 4 and the maximum of 1
    stretched = merge([labelled_view(logits, label)])
    assert stretched.cam[:, 2, 4] == pytest.approx([1, 0], abs=1e-3)
    assert stretched.background[2, 4] == pytest.approx(1, abs=1e-3)
    stretched.cam[:, 2, 4] = seed.cam[:, 2, 4]
    assert (stretched.cam == seed.cam).all()


def test_the_pacam_is_merged_as_of_any_host():
    label = random_label()
    views, _ = four_views(label)
    pacams = [torch.rand(2, *view.cam_view.maps.shape[1:]) for view in views]
    for view, pacam in zip(views, pacams, strict=True):
        view.cam_view.set_field(pacam, 'pacam', dtype=torch.Tensor)
    summed = sum(
        resize(pacam.flip(2) if k % 2 else pacam, (3, 5)) for k, pacam in enumerate(pacams)
    )
    expected = summed / (summed.amax((1, 2), keepdim=True) + 1e-5)
    seed = merge(views)
    torch.testing.assert_close(torch.from_numpy(seed.pacam), expected)
    alone = merge(four_views(label)[0])
    assert (seed.cam == alone.cam).all()


@pytest.mark.parametrize('full_size', [False, True])
def test_an_image_without_a_class_has_its_background(full_size):
    views, _ = four_views(torch.zeros(SIZE).long(), classes=())
    seed = merge(views, full_size=full_size)
    assert seed.cam.shape == ((0, 10, 18) if full_size else (0, 3, 5))
    assert seed.background.shape == seed.cam.shape[1:]


def test_an_image_without_an_ir_label_is_named():
    views, _ = four_views(None)
    message = r'x/a\.jpg has no ir_label.*mmwsss run CONFIG --until ir_labels'
    with pytest.raises(ValueError, match=message):
        merge(views)


def test_a_label_that_was_resized_is_refused():
    views, _ = four_views(torch.zeros(5, 9).long())
    with pytest.raises(ValueError, match=r'\(5, 9\), the image \(10, 18\): put LoadAnnotations'):
        merge(views)
