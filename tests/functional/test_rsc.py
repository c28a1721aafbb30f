import math

import pytest
import torch

from mmwsss.functional.rsc import (
    REGION_WEIGHTS,
    present_in_crop,
    prototype_scores,
    raw_weights,
    region_embeddings,
    rsc_loss_terms,
    softmax_weights,
)

F64 = torch.float64
IMAGES, CLASSES, NAMES, CHANNELS = 3, 4, 2, 5
SIZES = [(3, 5), (1, 1)]


def randn(*shape, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=F64, **options)


def cosine(one, two):
    dot = sum(a * b for a, b in zip(one, two, strict=True))
    return dot / math.sqrt(sum(a * a for a in one)) / math.sqrt(sum(b * b for b in two))


def every_position(size):
    return [(y, x) for y in range(size[0]) for x in range(size[1])]


def valid_mask(size):
    """All of image 0; without the last column image 1; nothing of image 2."""
    valid = torch.ones(IMAGES, 1, *size, dtype=F64)
    if size[1] > 1:
        valid[1, :, :, -1] = 0
    valid[2] = 0
    return valid


def counts(valid, image, y, x):
    return bool(valid[image, 0, y, x] > 0 or not valid[image].any())


# --- scores -----------------------------------------------------------------------------------


@pytest.mark.parametrize('size', SIZES)
def test_scores_are_cosines_and_the_background_is_its_best_name(size):
    embedding = randn(2, CHANNELS, *size).requires_grad_()
    classes, background = randn(CLASSES, CHANNELS, seed=1), randn(NAMES, CHANNELS, seed=2)
    scores = prototype_scores(embedding, classes, background, 0.07)
    assert scores.shape == (2, 1 + CLASSES, *size)
    for b in range(2):
        for y, x in every_position(size):
            vector = embedding[b, :, y, x].tolist()
            names = [cosine(vector, name) for name in background.tolist()]
            expected = [max(names)] + [cosine(vector, row) for row in classes.tolist()]
            expected = [value / 0.07 for value in expected]
            torch.testing.assert_close(scores[b, :, y, x].tolist(), expected)
    assert torch.autograd.gradcheck(
        lambda v: prototype_scores(v, classes, background, 0.07), embedding
    )


def test_lengths_do_not_count_in_the_scores():
    embedding, classes, background = randn(1, 3, 2, 2), randn(2, 3), randn(2, 3, seed=1)
    scores = prototype_scores(embedding, classes, background, 1.0)
    longer = prototype_scores(7 * embedding, 0.1 * classes, 3 * background, 1.0)
    torch.testing.assert_close(scores, longer)
    assert scores.abs().max() <= 1


# --- present classes --------------------------------------------------------------------------


def test_a_class_is_present_where_label_and_mask_agree():
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(0, 2, (6, CLASSES), generator=generator).float()
    mask = torch.randint(0, CLASSES + 1, (6, 2, 3), generator=generator)
    mask[0, 0, 0] = mask[3] = 255
    present = present_in_crop(label, mask)
    seen = set()
    for b in range(6):
        for n in range(CLASSES):
            expected = bool(label[b, n] == 1) and n + 1 in mask[b].flatten().tolist()
            assert present[b, n].item() is expected
            seen.add((bool(label[b, n]), n + 1 in mask[b].flatten().tolist()))
    assert len(seen) == 4  # every combination occurred
    assert not present[3].any()


def test_present_classes_of_any_ignored_value():
    mask = torch.tensor([[[3, 9999, 2]]])
    assert present_in_crop(torch.ones(1, 2), mask).tolist() == [[False, True]]


# --- Eq. 12 -----------------------------------------------------------------------------------


def naive_regions(embedding, scores, valid, pairs, kind):
    """Eq. 12 with the softmax of A over classes, or A itself; channel 0 is the background."""
    rows = []
    for image, n in pairs:
        numerator, denominator = [0.0] * embedding.shape[1], 0.0
        for y, x in every_position(embedding.shape[2:]):
            if not counts(valid, image, y, x):
                continue
            column = scores[image, :, y, x].tolist()
            weight = column[n + 1]
            if kind == 'softmax':
                weight = math.exp(weight) / sum(math.exp(value) for value in column)
            denominator += weight
            for d, value in enumerate(embedding[image, :, y, x].tolist()):
                numerator[d] += weight * value
        rows.append([value / denominator for value in numerator])
    return torch.tensor(rows, dtype=F64)


PAIRS = [(0, 1), (0, 3), (1, 0), (2, 1)]


@pytest.mark.parametrize('kind', REGION_WEIGHTS)
@pytest.mark.parametrize('size', SIZES)
def test_regions_by_plain_loops(size, kind):
    embedding = randn(IMAGES, CHANNELS, *size).requires_grad_()
    scores = randn(IMAGES, 1 + CLASSES, *size, seed=1).requires_grad_()
    valid = valid_mask(size)
    image_index, class_index = torch.tensor(PAIRS).T

    def pooled(embedding, scores):
        weights = REGION_WEIGHTS[kind](scores, valid)
        return region_embeddings(embedding, weights[:, 1:], image_index, class_index)

    regions = pooled(embedding, scores)
    torch.testing.assert_close(regions, naive_regions(embedding, scores, valid, PAIRS, kind))
    assert torch.autograd.gradcheck(pooled, (embedding, scores))


def test_a_region_by_hand():
    """Probabilities of the class 0.75 and 0.25: the mean leans to the first position."""
    scores = torch.tensor([[[[0.25, 0.75]], [[0.75, 0.25]]]], dtype=F64).log()
    embedding = torch.tensor([[[[4.0, 8.0]], [[0.0, 1.0]]]], dtype=F64)
    weights = softmax_weights(scores, torch.ones(1, 1, 1, 2))[:, 1:]
    zero = torch.zeros(1, dtype=torch.long)
    regions = region_embeddings(embedding, weights, zero, zero)
    torch.testing.assert_close(regions, torch.tensor([[5.0, 0.25]], dtype=F64))


@pytest.mark.parametrize('kind', REGION_WEIGHTS)
def test_weights_sum_to_one_and_padding_has_none(kind):
    scores, valid = randn(IMAGES, 3, 3, 5), valid_mask((3, 5))
    weights = REGION_WEIGHTS[kind](scores, valid)
    torch.testing.assert_close(weights.sum(dim=(2, 3)), torch.ones(IMAGES, 3, dtype=F64))
    assert not weights[1, :, :, -1].any()
    changed = scores.clone()
    changed[1, :, :, -1] = 50
    assert REGION_WEIGHTS[kind](changed, valid).equal(weights)


def test_a_class_that_is_unlikely_everywhere_has_a_region():
    """Its share is below what float32 can hold; the average is still one."""
    scores = torch.tensor([[[[200.0, 201.0]], [[1.0, 1.0]]]])
    weights = softmax_weights(scores, torch.ones(1, 1, 1, 2))
    expected = torch.tensor([1.0, math.exp(-1)]) / (1 + math.exp(-1))
    torch.testing.assert_close(weights[0, 1, 0], expected)


def test_raw_scores_that_cancel_are_finite():
    scores = torch.tensor([[[[1.0, -1.0]]]], requires_grad=True)
    weights = raw_weights(scores, torch.ones(1, 1, 1, 2))
    weights.square().sum().backward()
    assert weights.isfinite().all()
    assert scores.grad.isfinite().all()


def test_images_do_not_mix():
    embedding, scores = randn(2, CHANNELS, 3, 5), randn(2, 3, 3, 5, seed=1)
    valid = torch.ones(2, 1, 3, 5)
    image_index, class_index = torch.tensor([[1, 0, 1], [0, 1, 1]])
    joint = region_embeddings(
        embedding, softmax_weights(scores, valid)[:, 1:], image_index, class_index
    )
    for m in range(3):
        b = image_index[m : m + 1]
        weights = softmax_weights(scores[b], valid[b])[:, 1:]
        alone = region_embeddings(embedding[b], weights, b * 0, class_index[m : m + 1])
        torch.testing.assert_close(joint[m : m + 1], alone)


# --- Eq. 13 -----------------------------------------------------------------------------------


def naive_rsc(regions, prototypes, class_index, temperature):
    """Both terms of Eq. 13 over pairs; other pairs of a class are left out of denominators."""
    regions, prototypes, classes = regions.tolist(), prototypes.tolist(), class_index.tolist()
    total = 0.0
    for i, own in enumerate(classes):
        positive = math.exp(cosine(regions[i], prototypes[own]) / temperature)
        by_region, by_prototype = 0.0, 0.0
        for j, other in enumerate(classes):
            if j == i or other != own:
                by_region += math.exp(cosine(regions[i], prototypes[other]) / temperature)
                by_prototype += math.exp(cosine(regions[j], prototypes[own]) / temperature)
        total -= math.log(positive / by_region) / 2 + math.log(positive / by_prototype) / 2
    return total


@pytest.mark.parametrize('temperature', [0.07, 1.0])
@pytest.mark.parametrize('classes', [[0], [2, 0], [3, 3], [0, 1, 0, 2, 1, 1, 3]])
def test_the_contrast_by_plain_loops(classes, temperature):
    regions = randn(len(classes), CHANNELS).requires_grad_()
    prototypes, class_index = randn(CLASSES, CHANNELS, seed=1), torch.tensor(classes)
    total, count = rsc_loss_terms(regions, prototypes, class_index, temperature)
    assert total.item() == pytest.approx(naive_rsc(regions, prototypes, class_index, temperature))
    assert count == len(classes)
    assert torch.autograd.gradcheck(
        lambda x: rsc_loss_terms(x, prototypes, class_index, temperature)[0], regions
    )


def test_the_two_directions_by_hand():
    """Regions (1, 0) and (1, 0) of classes with prototypes (1, 0) and (0, 1), tau 1.

    Region 0 has cosines 1 | 0, region 1 has 1 | 0 and its own is the second; prototype 0 has
    cosines 1 | 1 with the regions, prototype 1 has 0 | 0.
    """
    regions = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    total, _ = rsc_loss_terms(regions, torch.eye(2), torch.tensor([0, 1]), 1.0)
    by_region = math.log(1 + math.exp(-1)) + math.log(1 + math.e)
    by_prototype = 2 * math.log(2)
    assert total.item() == pytest.approx((by_region + by_prototype) / 2)


def test_other_pairs_of_a_class_are_no_negatives():
    """A twin of a region changes the others' terms but adds nothing to its own denominators."""
    regions, prototypes = randn(3, CHANNELS), randn(CLASSES, CHANNELS, seed=1)
    alone, _ = rsc_loss_terms(regions[:2], prototypes, torch.tensor([0, 1]), 0.5)
    twins, _ = rsc_loss_terms(regions[[0, 0]], prototypes, torch.tensor([2, 2]), 0.5)
    assert alone > 0
    assert twins == 0


@pytest.mark.parametrize('classes', [[], [1], [2, 2, 2]])
def test_without_negatives_the_loss_is_zero_with_a_graph(classes):
    embedding = randn(3, CHANNELS, 2, 3).requires_grad_()
    weights = softmax_weights(randn(3, 1 + CLASSES, 2, 3, seed=1), torch.ones(3, 1, 2, 3))[:, 1:]
    class_index = torch.tensor(classes, dtype=torch.long)
    regions = region_embeddings(embedding, weights, torch.arange(len(classes)), class_index)
    total, count = rsc_loss_terms(regions, randn(CLASSES, CHANNELS, seed=2), class_index, 0.07)
    assert total == 0
    assert count == len(classes)
    total.backward()
    assert embedding.grad.abs().max() < 1e-12


def test_the_order_of_pairs_and_the_lengths_do_not_matter():
    regions, prototypes = randn(5, CHANNELS), randn(CLASSES, CHANNELS, seed=1)
    classes, order = torch.tensor([0, 3, 0, 1, 2]), torch.tensor([3, 0, 4, 2, 1])
    total, _ = rsc_loss_terms(regions, prototypes, classes, 0.07)
    moved, _ = rsc_loss_terms(5 * regions[order], 0.1 * prototypes, classes[order], 0.07)
    torch.testing.assert_close(moved, total)


def test_the_gradient_brings_a_region_to_its_prototype():
    prototypes, class_index = torch.eye(3, dtype=F64), torch.tensor([0, 1, 2])
    regions = torch.ones(3, 3, dtype=F64).requires_grad_()
    rsc_loss_terms(regions, prototypes, class_index, 0.07)[0].backward()
    assert ((regions.grad < 0) == torch.eye(3).bool()).all()


@pytest.mark.parametrize('kind', REGION_WEIGHTS)
def test_finite_in_bfloat16(kind):
    embedding = randn(2, CHANNELS, 3, 5).float().requires_grad_()
    prototypes = randn(CLASSES, CHANNELS, seed=1).float()
    image_index, class_index = torch.tensor([[0, 0, 1, 1], [0, 1, 1, 2]])
    with torch.autocast('cpu', torch.bfloat16):
        scores = prototype_scores(embedding, prototypes, prototypes[:2].flip(0), 0.07)
        weights = REGION_WEIGHTS[kind](scores, valid_mask((3, 5))[1:])
        regions = region_embeddings(embedding, weights[:, 1:], image_index, class_index)
        total, _ = rsc_loss_terms(regions, prototypes, class_index, 0.07)
    total.backward()
    assert total.isfinite()
    assert embedding.grad.isfinite().all()
