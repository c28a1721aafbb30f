import math

import pytest
import torch

from mmwsss.functional.rsc import (
    REGION_WEIGHTS,
    RSC_NEGATIVES,
    own_region_loss_terms,
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


def naive_region(embedding, scores, valid, image, n, kind):
    """Eq. 12 with the softmax of A over classes, or A itself; channel 0 is the background."""
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
    return [value / denominator for value in numerator]


@pytest.mark.parametrize('kind', REGION_WEIGHTS)
@pytest.mark.parametrize('size', SIZES)
def test_regions_by_plain_loops(size, kind):
    embedding = randn(IMAGES, CHANNELS, *size).requires_grad_()
    scores = randn(IMAGES, 1 + CLASSES, *size, seed=1).requires_grad_()
    valid = valid_mask(size)

    def pooled(embedding, scores):
        return region_embeddings(embedding, REGION_WEIGHTS[kind](scores, valid)[:, 1:])

    regions = pooled(embedding, scores)
    expected = [
        [naive_region(embedding, scores, valid, b, n, kind) for n in range(CLASSES)]
        for b in range(IMAGES)
    ]
    torch.testing.assert_close(regions, torch.tensor(expected, dtype=F64))
    assert torch.autograd.gradcheck(pooled, (embedding, scores))


def test_a_region_by_hand():
    """Probabilities of the class 0.75 and 0.25: the mean leans to the first position."""
    scores = torch.tensor([[[[0.25, 0.75]], [[0.75, 0.25]]]], dtype=F64).log()
    embedding = torch.tensor([[[[4.0, 8.0]], [[0.0, 1.0]]]], dtype=F64)
    weights = softmax_weights(scores, torch.ones(1, 1, 1, 2))[:, 1:]
    regions = region_embeddings(embedding, weights)
    torch.testing.assert_close(regions, torch.tensor([[[5.0, 0.25]]], dtype=F64))


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
    joint = region_embeddings(embedding, softmax_weights(scores, valid))
    for b in range(2):
        weights = softmax_weights(scores[b : b + 1], valid[b : b + 1])
        torch.testing.assert_close(joint[b : b + 1], region_embeddings(embedding[b][None], weights))


# --- Eq. 13 -----------------------------------------------------------------------------------


def naive_printed(regions, prototypes, temperature):
    """Eq. 13 letter for letter: image i shows class i, ``S_ij = cos(P_ij, W_j)``, without 1 / B."""
    size = len(regions)
    s = [
        [cosine(regions[i, j].tolist(), prototypes[j].tolist()) / temperature for j in range(size)]
        for i in range(size)
    ]
    total = 0.0
    for i in range(size):
        by_row = sum(math.exp(s[i][j]) for j in range(size))
        by_column = sum(math.exp(s[j][i]) for j in range(size))
        total -= math.log(math.exp(s[i][i]) / by_row) / 2
        total -= math.log(math.exp(s[i][i]) / by_column) / 2
    return total


def naive_absent(regions, prototypes, present, temperature, absent=None):
    """Several classes per image: a row has the absent classes, a column the images without c."""
    images, classes = range(len(regions)), range(len(prototypes))
    absent = ~present if absent is None else absent
    shown = [{n for n in classes if present[i, n]} for i in images]
    lacking = [{n for n in classes if absent[i, n]} for i in images]
    in_batch = set().union(*shown)

    def exp_score(i, n):
        return math.exp(cosine(regions[i, n].tolist(), prototypes[n].tolist()) / temperature)

    total = 0.0
    for i in images:
        for c in shown[i]:
            row = sum(exp_score(i, n) for n in in_batch & lacking[i])
            column = sum(exp_score(k, c) for k in images if c in lacking[k])
            for negatives in (row, column):
                total -= math.log(exp_score(i, c) / (exp_score(i, c) + negatives)) / 2
    return total


def naive_own_region(regions, prototypes, present, temperature):
    """Pairs, each under its own mask; other pairs of a class are left out of denominators."""
    pairs = [(i, n) for i in range(len(regions)) for n in range(len(prototypes)) if present[i, n]]

    def exp_score(region, prototype):
        vectors = regions[region].tolist(), prototypes[prototype[1]].tolist()
        return math.exp(cosine(*vectors) / temperature)

    total = 0.0
    for pair in pairs:
        others = [other for other in pairs if other[1] != pair[1]]
        positive = exp_score(pair, pair)
        by_region = positive + sum(exp_score(pair, other) for other in others)
        by_prototype = positive + sum(exp_score(other, pair) for other in others)
        total -= math.log(positive / by_region) / 2 + math.log(positive / by_prototype) / 2
    return total


NAIVE = {'absent': naive_absent, 'own_region': naive_own_region}
PRESENT = [
    [[0, 0, 1, 0], [1, 0, 0, 0]],
    [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]],
    [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    [[1, 1, 1, 1], [0, 1, 0, 0]],
    [[0, 0, 0, 1], [0, 0, 0, 1]],
    [[0, 1, 0, 0]],
]


@pytest.mark.parametrize('temperature', [0.07, 1.0])
@pytest.mark.parametrize('present', PRESENT)
@pytest.mark.parametrize('negatives', RSC_NEGATIVES)
def test_the_contrast_by_plain_loops(negatives, present, temperature):
    present = torch.tensor(present) > 0
    regions = randn(len(present), CLASSES, CHANNELS).requires_grad_()
    prototypes = randn(CLASSES, CHANNELS, seed=1)
    total, count = RSC_NEGATIVES[negatives](regions, prototypes, present, temperature)
    expected = NAIVE[negatives](regions, prototypes, present, temperature)
    assert total.item() == pytest.approx(expected)
    assert count == present.sum()
    assert torch.autograd.gradcheck(
        lambda x: RSC_NEGATIVES[negatives](x, prototypes, present, temperature)[0], regions
    )


def test_an_unknown_class_is_no_negative():
    """Image 0 may show class 1 and image 2 class 0: their labels say so, their crops do not."""
    present = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]) > 0
    absent = torch.tensor([[0, 0, 1, 1], [1, 0, 1, 1], [0, 1, 1, 0]]) > 0
    regions, prototypes = randn(3, CLASSES, CHANNELS), randn(CLASSES, CHANNELS, seed=1)
    total, count = rsc_loss_terms(regions, prototypes, present, 0.3, absent)
    expected = naive_absent(regions, prototypes, present, 0.3, absent)
    assert total.item() == pytest.approx(expected)
    assert total < rsc_loss_terms(regions, prototypes, present, 0.3)[0]
    assert count == 3


def test_one_class_per_image_is_the_printed_equation():
    regions, prototypes = randn(4, 4, CHANNELS), randn(4, CHANNELS, seed=1)
    total, _ = rsc_loss_terms(regions, prototypes, torch.eye(4) > 0, 0.3)
    assert total.item() == pytest.approx(naive_printed(regions, prototypes, 0.3))
    own, _ = own_region_loss_terms(regions, prototypes, torch.eye(4) > 0, 0.3)
    assert own.item() != pytest.approx(total.item(), rel=0.05)


def shared_embedding_loss(negatives):
    """Sixty steps of Adam on one embedding that six images of six classes share."""
    embedding = randn(1, 16, 6, 8).requires_grad_()
    prototypes, names = randn(6, 16, seed=1), randn(2, 16, seed=2)
    optimizer = torch.optim.Adam([embedding], lr=0.1)
    for _ in range(60):
        shared = embedding.expand(6, -1, -1, -1)
        scores = prototype_scores(shared, prototypes, names, 0.07)
        weights = softmax_weights(scores, torch.ones(6, 1, 6, 8))[:, 1:]
        regions = region_embeddings(shared, weights)
        total, count = RSC_NEGATIVES[negatives](regions, prototypes, torch.eye(6) > 0, 0.07)
        loss = total / count
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def test_a_shared_embedding_cannot_solve_the_printed_form():
    """Its rows are equal, so neither term can fall under log 6; the other contrast falls to 0."""
    assert math.log(6) - 1e-9 <= shared_embedding_loss('absent') < 2.5
    assert shared_embedding_loss('own_region') < 1e-3


def test_the_masks_of_absent_classes_get_a_gradient():
    """They are what the contrast suppresses; under their own masks alone they get none."""
    prototypes = torch.eye(3, dtype=F64)
    for negatives, learns in (('absent', True), ('own_region', False)):
        regions = torch.full((3, 3, 3), 0.5, dtype=F64).requires_grad_()
        RSC_NEGATIVES[negatives](regions, prototypes, torch.eye(3) > 0, 1.0)[0].backward()
        others = regions.grad[~torch.eye(3).bool()]  # (6, 3)
        assert (others.abs().sum(dim=1) > 0).all() == learns
        if learns:  # a step against the gradient lowers the cosine with the class's prototype
            along = torch.einsum('bnd,nd->bn', regions.grad, prototypes)
            assert ((along < 0) == torch.eye(3).bool()).all()


def test_the_two_directions_by_hand():
    """``S`` = 1 | 0 and 0.6 | 1 with tau 1: rows and columns differ in their negatives."""
    regions = torch.tensor([[[2.0, 0.0], [1.0, 0.0]], [[3.0, 4.0], [0.0, 5.0]]])
    total, _ = rsc_loss_terms(regions, torch.eye(2), torch.eye(2) > 0, 1.0)
    rows = math.log(1 + math.exp(0 - 1)) + math.log(1 + math.exp(0.6 - 1))
    columns = math.log(1 + math.exp(0.6 - 1)) + math.log(1 + math.exp(0 - 1))
    assert total.item() == pytest.approx((rows + columns) / 2)
    present = torch.tensor([[True, False], [True, True]])  # image 1 shows both: it has no row
    total, count = rsc_loss_terms(regions, torch.eye(2), present, 1.0)
    row, column = math.log(1 + math.exp(0 - 1)), math.log(1 + math.exp(0 - 1))
    assert total.item() == pytest.approx((row + column) / 2)
    assert count == 3


def test_the_two_directions_of_own_regions_by_hand():
    """Regions (1, 0) and (1, 0) of classes with prototypes (1, 0) and (0, 1), tau 1.

    Region 0 has cosines 1 | 0, region 1 has 1 | 0 and its own is the second; prototype 0 has
    cosines 1 | 1 with the regions, prototype 1 has 0 | 0.
    """
    regions = torch.tensor([[[1.0, 0.0], [7.0, 7.0]], [[7.0, 7.0], [3.0, 0.0]]])
    total, _ = own_region_loss_terms(regions, torch.eye(2), torch.eye(2) > 0, 1.0)
    by_region = math.log(1 + math.exp(-1)) + math.log(1 + math.e)
    by_prototype = 2 * math.log(2)
    assert total.item() == pytest.approx((by_region + by_prototype) / 2)


@pytest.mark.parametrize('negatives', RSC_NEGATIVES)
@pytest.mark.parametrize('present', [[[0, 0, 0, 0]], [[0, 1, 0, 0]], [[0, 0, 1, 0]] * 3])
def test_without_negatives_the_loss_is_zero_with_a_graph(present, negatives):
    present = torch.tensor(present) > 0
    embedding = randn(len(present), CHANNELS, 2, 3).requires_grad_()
    scores = randn(len(present), 1 + CLASSES, 2, 3, seed=1)
    weights = softmax_weights(scores, torch.ones(len(present), 1, 2, 3))[:, 1:]
    regions = region_embeddings(embedding, weights)
    prototypes = randn(CLASSES, CHANNELS, seed=2)
    total, count = RSC_NEGATIVES[negatives](regions, prototypes, present, 0.07)
    assert total == 0
    assert count == present.sum()
    total.backward()
    assert embedding.grad.abs().max() < 1e-12


@pytest.mark.parametrize('negatives', RSC_NEGATIVES)
def test_the_order_of_images_and_classes_and_the_lengths_do_not_matter(negatives):
    terms, regions = RSC_NEGATIVES[negatives], randn(4, CLASSES, CHANNELS)
    prototypes, present = randn(CLASSES, CHANNELS, seed=1), torch.tensor(PRESENT[1]) > 0
    total, _ = terms(regions, prototypes, present, 0.07)
    images, classes = torch.tensor([3, 0, 2, 1]), torch.tensor([2, 0, 3, 1])
    moved, _ = terms(
        5 * regions[images][:, classes],
        0.1 * prototypes[classes],
        present[images][:, classes],
        0.07,
    )
    torch.testing.assert_close(moved, total)


@pytest.mark.parametrize('kind', REGION_WEIGHTS)
def test_finite_in_bfloat16(kind):
    embedding = randn(2, CHANNELS, 3, 5).float().requires_grad_()
    prototypes = randn(CLASSES, CHANNELS, seed=1).float()
    present = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 0]]) > 0
    with torch.autocast('cpu', torch.bfloat16):
        scores = prototype_scores(embedding, prototypes, prototypes[:2].flip(0), 0.07)
        weights = REGION_WEIGHTS[kind](scores, valid_mask((3, 5))[1:])
        regions = region_embeddings(embedding, weights[:, 1:])
        total, _ = rsc_loss_terms(regions, prototypes, present, 0.07)
    total.backward()
    assert total.isfinite()
    assert embedding.grad.isfinite().all()
