import math

import pytest
import torch
import torch.nn.functional as F

from mmwsss.functional.caption_contrast import (
    caption_contrast,
    caption_holds,
    patch_contrast,
    patch_shares,
)

GENERATOR = torch.Generator().manual_seed(0)


def unit(*shape):
    return F.normalize(torch.randn(*shape, generator=GENERATOR, dtype=torch.float64), dim=-1)


def naive_contrast(images, captions, holds, scale):
    def one_way(queries, keys, right):
        total = 0.0
        for q, query in enumerate(queries):
            logits = [scale * sum(a * b for a, b in zip(query, k, strict=True)) for k in keys]
            norm = math.log(sum(math.exp(logit) for logit in logits))
            good = [logits[k] - norm for k in range(len(keys)) if right[q][k]]
            total -= sum(good) / len(good)
        return total / len(queries)

    images, captions = images.tolist(), captions.tolist()
    transposed = [list(column) for column in zip(*holds.tolist(), strict=True)]
    return (one_way(images, captions, holds.tolist()) + one_way(captions, images, transposed)) / 2


def naive_patch_contrast(patches, names, shares, scale):
    total, weight = 0.0, 0.0
    for patch, share in zip(patches.flatten(0, 1).tolist(), shares.flatten(0, 1), strict=True):
        logits = [scale * sum(a * b for a, b in zip(patch, n, strict=True)) for n in names.tolist()]
        norm = math.log(sum(math.exp(logit) for logit in logits))
        for logit, part in zip(logits, share.tolist(), strict=True):
            total -= part * (logit - norm)
            weight += part
    return total / weight


def test_the_contrast_is_the_naive_one():
    images, captions = unit(3, 4), unit(5, 4)
    holds = torch.eye(3, 5, dtype=torch.bool)
    holds[0, 3] = holds[2, 3] = holds[1, 4] = True
    value = caption_contrast(images, captions, holds, torch.tensor(7.0))
    assert value.item() == pytest.approx(naive_contrast(images, captions, holds, 7.0))


def test_with_one_right_answer_each_it_is_the_loss_of_open_clip():
    pytest.importorskip('open_clip')
    import open_clip

    images, captions = unit(4, 6), unit(4, 6)
    ours = caption_contrast(images, captions, torch.eye(4, dtype=torch.bool), torch.tensor(20.0))
    assert ours.item() == pytest.approx(open_clip.ClipLoss()(images, captions, 20.0).item())


def test_a_caption_without_an_image_is_refused():
    with pytest.raises(ValueError, match='needs a caption'):
        caption_contrast(unit(2, 3), unit(2, 3), torch.tensor([[True, False]] * 2), torch.tensor(1))


def test_a_caption_holds_where_all_that_it_names_is_shown():
    shown = torch.tensor([[0, 1, 1], [0, 0, 1], [1, 0, 0]])
    named = torch.tensor([[0, 0, 1], [0, 1, 1], [1, 0, 0], [0, 1, 0]])
    expected = [
        [all(s or not n for s, n in zip(image, caption, strict=True)) for caption in named.tolist()]
        for image in shown.tolist()
    ]
    assert caption_holds(shown, named).tolist() == expected


def test_the_shares_are_counted():
    mask = torch.randint(0, 4, (2, 4, 6), generator=GENERATOR)
    mask[mask == 3] = 255
    shares = patch_shares(mask, (2, 2), num_classes=2)
    assert shares.shape == (2, 4, 3)
    for image in range(2):
        for row in range(2):
            for column in range(2):
                cell = mask[image, 2 * row : 2 * row + 2, 3 * column : 3 * column + 3]
                for name in range(3):
                    share = (cell == name).sum().item() / 6
                    assert shares[image, 2 * row + column, name].item() == pytest.approx(share)


def test_the_patch_contrast_is_the_naive_one():
    patches, names = unit(2, 3, 4), unit(3, 4)
    shares = torch.rand(2, 3, 3, generator=GENERATOR, dtype=torch.float64)
    shares[0, 1] = 0
    value = patch_contrast(patches, names, shares, torch.tensor(9.0))
    assert value.item() == pytest.approx(naive_patch_contrast(patches, names, shares, 9.0))


def test_patches_that_are_all_ignored_cost_nothing():
    assert patch_contrast(unit(1, 2, 4), unit(3, 4), torch.zeros(1, 2, 3), torch.tensor(1.0)) == 0


def test_gradients():
    images, captions = unit(2, 3).requires_grad_(), unit(2, 3).requires_grad_()
    holds = torch.tensor([[True, False], [True, True]])
    scale = torch.tensor(3.0, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda a, b: caption_contrast(a, b, holds, scale), (images, captions)
    )
