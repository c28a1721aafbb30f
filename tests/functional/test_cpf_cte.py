"""Equations 2 and 7 to 10 of CPF-CTE against plain loops written from the paper.

Eq. 3 to 6 are in tests/models/necks/test_cf_bilstm.py.
"""

import math

import numpy as np
import pytest
import torch

from mmwsss.functional import cpf_cte
from mmwsss.seeds import Seed
from mmwsss.seeds.refine import RefineSettings, refine_seed

F64 = torch.float64
SIZES = [(3, 5), (1, 1)]


def softmax(values):
    powers = [math.exp(value - max(values)) for value in values]
    return [power / sum(powers) for power in powers]


def naive_scores(query, tokens):
    """q . t_c / sqrt(T) for one patch."""
    return [
        sum(q * t for q, t in zip(query, token, strict=True)) / math.sqrt(len(query))
        for token in tokens
    ]


def naive_mix(weights, tokens):
    return [
        sum(w * t[d] for w, t in zip(weights, tokens, strict=True)) for d in range(len(tokens[0]))
    ]


def naive_tokens(queries, tokens, hard):
    """One token per patch: queries (B, T, H, W)."""
    out = torch.zeros_like(queries)
    for b, y, x in np.ndindex(len(queries), *queries.shape[2:]):
        scores = naive_scores(queries[b, :, y, x].tolist(), tokens.tolist())
        weights = [float(s == max(scores)) for s in scores] if hard else softmax(scores)
        out[b, :, y, x] = torch.tensor(naive_mix(weights, tokens.tolist()), dtype=F64)
    return out


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('reading', ['soft', 'hard'])
def test_eq_2_a_token_for_each_patch(reading, size):
    queries, tokens = torch.randn(2, 4, *size, dtype=F64), torch.randn(3, 4, dtype=F64)
    function = {'soft': cpf_cte.soft_tokens, 'hard': cpf_cte.hard_tokens}[reading]
    found = function(cpf_cte.token_scores(queries, tokens), tokens)
    torch.testing.assert_close(found, naive_tokens(queries, tokens, hard=reading == 'hard'))


def test_eq_2_by_hand():
    tokens = torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    query = torch.tensor([math.log(3.0), 0.0, 0.0, 0.0]).view(1, 4, 1, 1)
    scores = cpf_cte.token_scores(query, tokens)  # 2 log(3) / sqrt(4) and 0
    torch.testing.assert_close(scores.flatten(), torch.tensor([math.log(3.0), 0.0]))
    mixed = cpf_cte.soft_tokens(scores, tokens)  # weights 3/4 and 1/4
    torch.testing.assert_close(mixed.flatten(), torch.tensor([1.5, 0.5, 0.0, 0.0]))
    assert cpf_cte.hard_tokens(scores, tokens).flatten().tolist() == [2, 0, 0, 0]


def test_eq_2_concatenates_patch_first_and_repeats_a_single_token():
    patches, token = torch.randn(2, 3, 2, 4), torch.randn(2, 5, 1, 1)
    joined = cpf_cte.attach_tokens(patches, token)
    assert joined.shape == (2, 8, 2, 4)
    for b, y, x in np.ndindex(2, 2, 4):
        assert joined[b, :, y, x].tolist() == [*patches[b, :, y, x].tolist(), *token[b].flatten()]


def test_eq_2_mean_of_the_tokens_of_the_label():
    tokens, label = torch.randn(3, 4, dtype=F64), torch.tensor([[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    found = cpf_cte.label_mean_tokens(label, tokens)
    for b, row in enumerate(label.tolist()):
        present = [tokens[c].tolist() for c in range(3) if row[c]]
        expected = [sum(column) / len(present) for column in zip(*present, strict=True)]
        torch.testing.assert_close(found[b].tolist(), expected or [0.0] * 4)


def test_eq_2_gradients_and_those_of_the_hard_reading_are_the_soft_ones():
    queries = torch.randn(1, 3, 2, 3, dtype=F64, requires_grad=True)
    tokens = torch.randn(4, 3, dtype=F64, requires_grad=True)

    def attached(function, queries, tokens):
        return function(cpf_cte.token_scores(queries, tokens), tokens)

    assert torch.autograd.gradcheck(
        lambda q, t: attached(cpf_cte.soft_tokens, q, t), (queries, tokens)
    )
    out_gradient = torch.randn(1, 3, 2, 3, dtype=F64)
    soft, hard = (
        torch.autograd.grad(attached(function, queries, tokens), queries, out_gradient)[0]
        for function in (cpf_cte.soft_tokens, cpf_cte.hard_tokens)
    )
    torch.testing.assert_close(soft, hard)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('reading', list(cpf_cte.PATCH_LOG_ODDS))
def test_eq_7_patch_probabilities(reading, size):
    logits = 3 * torch.randn(2, 4, *size, dtype=F64)
    found = cpf_cte.PATCH_LOG_ODDS[reading](logits).sigmoid()
    for b, y, x in np.ndindex(2, *size):
        values = logits[b, :, y, x].tolist()
        expected = [1 / (1 + math.exp(-value)) for value in values]
        if reading != 'sigmoid':
            expected = softmax(values)
        torch.testing.assert_close(found[b, :, y, x].tolist(), expected)


def test_eq_7_log_odds_neither_cancel_nor_overflow():
    # log(p / (1 - p)) of (40, 0, 0): 40 - log 2, and -log(e^40 + 1); float32 rounds p to 1
    logits = torch.tensor([40.0, 0.0, 0.0]).view(1, 3, 1, 1)
    found = cpf_cte.softmax_log_odds(logits).flatten()
    torch.testing.assert_close(found, torch.tensor([40 - math.log(2), -40.0, -40.0]))
    huge = torch.tensor([1e4, -1e4, 0.0]).view(1, 3, 1, 1).requires_grad_()
    odds = cpf_cte.softmax_log_odds(huge)
    odds.sum().backward()
    assert odds.isfinite().all()
    assert huge.grad.isfinite().all()


def test_eq_7_gradients_also_at_ties():
    logits = torch.randn(2, 3, 2, 2, dtype=F64)
    logits[1] = 0.5
    logits.requires_grad_()
    assert torch.autograd.gradcheck(cpf_cte.softmax_log_odds, logits)


def naive_top_k(probabilities, inside, k):
    """Eq. 8 of one image and class over its patches."""
    if not any(inside):
        inside = [True] * len(inside)
    values = sorted((p for p, i in zip(probabilities, inside, strict=True) if i), reverse=True)
    best = values[: len(values) if k is None else k]
    return sum(best) / len(best)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('k', [1, 4, None])
def test_eq_8_top_k_pooling(k, size):
    probabilities = torch.rand(3, 4, *size, dtype=F64)
    valid = (torch.rand(3, 1, *size) > 0.4).float()
    valid[0] = 1
    valid[2] = 0
    found = cpf_cte.top_k_pooling(probabilities.logit(), valid, k).sigmoid()
    for b, c in np.ndindex(3, 4):
        expected = naive_top_k(
            probabilities[b, c].flatten().tolist(), valid[b].flatten().bool().tolist(), k
        )
        torch.testing.assert_close(found[b, c].item(), expected)


def test_eq_8_by_hand_with_fewer_patches_than_k_and_blind_to_the_padding():
    odds = torch.tensor([[[[0.9, 0.5, 0.7, 0.99]]]], dtype=F64).logit()
    valid = torch.tensor([[[[1.0, 1.0, 1.0, 0.0]]]])

    def pooled(k):
        return cpf_cte.top_k_pooling(odds, valid, k).sigmoid().item()

    assert pooled(2) == pytest.approx(0.8)
    assert pooled(4) == pooled(99) == pooled(None) == pytest.approx(0.7)


def test_eq_8_of_a_batch_is_that_of_its_images_and_of_any_order_of_patches():
    odds, valid = torch.randn(3, 2, 2, 5, dtype=F64), (torch.rand(3, 1, 2, 5) > 0.3).double()
    pooled = cpf_cte.top_k_pooling(odds, valid, 3)
    for b in range(3):
        alone = cpf_cte.top_k_pooling(odds[b : b + 1], valid[b : b + 1], 3)
        torch.testing.assert_close(pooled[b : b + 1], alone)
    order = torch.randperm(5)
    torch.testing.assert_close(
        cpf_cte.top_k_pooling(odds[..., order], valid[..., order], 3), pooled
    )


def test_eq_8_carries_gradient_to_the_counted_patches_alone():
    odds = torch.randn(1, 2, 2, 3, dtype=F64, requires_grad=True)
    valid = torch.tensor([[[[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]]])
    assert torch.autograd.gradcheck(lambda o: cpf_cte.top_k_pooling(o, valid, 2), odds)
    cpf_cte.top_k_pooling(odds, valid, 2).sum().backward()
    assert (odds.grad != 0).sum() == 4  # 2 classes x 2 patches
    assert not odds.grad[..., 1, 2].any()


def naive_mce(probabilities, label):
    """Eq. 9 with its brackets, mean over images."""
    total = 0.0
    for row, labels in zip(probabilities, label, strict=True):
        for p, y in zip(row, labels, strict=True):
            total -= (math.log(p) if y else math.log(1 - p)) / len(row)
    return total / len(probabilities)


def test_eq_9_loss():
    probabilities, label = torch.rand(3, 5, dtype=F64), torch.randint(0, 2, (3, 5))
    found = cpf_cte.mce_loss(probabilities.logit(), label)
    torch.testing.assert_close(found.item(), naive_mce(probabilities.tolist(), label.tolist()))


def test_eq_9_by_hand():
    odds = torch.tensor([[0.25, 0.5]], dtype=F64).logit()
    found = cpf_cte.mce_loss(odds, torch.tensor([[1, 0]])).item()
    assert found == pytest.approx((math.log(4) + math.log(2)) / 2)


def chain(logits, label, reading='softmax', k=4, valid=None):
    """Eq. 7 to 9."""
    odds = cpf_cte.PATCH_LOG_ODDS[reading](logits)
    valid = torch.ones_like(logits[:, :1]) if valid is None else valid
    return cpf_cte.mce_loss(cpf_cte.top_k_pooling(odds, valid, k), label)


@pytest.mark.parametrize('reading', list(cpf_cte.PATCH_LOG_ODDS))
@pytest.mark.parametrize('k', [1, 4, None])
@pytest.mark.parametrize('scale', [200.0, 1e4])
def test_eq_7_to_9_are_finite_where_probabilities_are_0_and_1(scale, k, reading):
    logits = scale * (torch.randint(0, 2, (2, 3, 3, 4)).float() - 0.5)
    logits[0, 0], logits[0, 1] = scale, -scale  # probability 1 and 0 in every patch
    logits.requires_grad_()
    for label in (torch.tensor([[1, 0, 0], [0, 1, 1]]), torch.tensor([[0, 1, 1], [1, 0, 0]])):
        logits.grad = None
        loss = chain(logits, label, reading, k)
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()
    # a present class of probability 0 is still pulled up: a clamp would cut its gradient
    assert logits.grad[0, 1].sum() < 0 or reading == 'softmax_fg'


@pytest.mark.parametrize('reading', list(cpf_cte.PATCH_LOG_ODDS))
def test_eq_7_to_9_gradients(reading):
    logits = torch.randn(2, 3, 2, 3, dtype=F64, requires_grad=True)
    label = torch.tensor([[1, 1, 0], [1, 0, 1]])
    valid = torch.ones(2, 1, 2, 3)
    valid[1, :, 1] = 0
    assert torch.autograd.gradcheck(lambda x: chain(x, label, reading, 2, valid), logits)


def test_a_present_class_is_pulled_up_and_an_absent_one_down():
    logits = torch.randn(1, 3, 2, 3, requires_grad=True)
    odds = cpf_cte.softmax_log_odds(logits)
    odds.retain_grad()
    pooled = cpf_cte.top_k_pooling(odds, torch.ones(1, 1, 2, 3), 2)
    cpf_cte.mce_loss(pooled, torch.tensor([[1, 0, 1]])).backward()
    assert [float(odds.grad[0, c].sum()) < 0 for c in range(3)] == [True, False, True]


def naive_scaled(maps):
    return [[[v / (max(map(max, m)) + 1e-5) for v in row] for row in m] for m in maps]


def naive_shares(maps):
    """Divide by the sum over the maps, pixel by pixel."""
    out = np.array(maps)
    for y, x in np.ndindex(*out.shape[1:]):
        out[:, y, x] /= sum(out[:, y, x])
    return torch.from_numpy(out)


@pytest.mark.parametrize('size', SIZES)
def test_mask_scores(size):
    kept = torch.rand(3, *size, dtype=F64)
    scores = cpf_cte.mask_scores(kept)
    torch.testing.assert_close(scores, naive_shares(naive_scaled(kept.tolist())))
    torch.testing.assert_close(scores.sum(0), torch.ones(size, dtype=F64))


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('classes', [2, 0])
def test_mask_scores_without_background(classes, size):
    kept = torch.rand(classes, *size, dtype=F64)
    scaled = naive_scaled(kept.tolist())
    background = [
        [1 - max((m[y][x] for m in scaled), default=0.0) for x in range(size[1])]
        for y in range(size[0])
    ]
    scores = cpf_cte.mask_scores_without_background(kept)
    torch.testing.assert_close(scores, naive_shares([background, *scaled]))


def test_mask_scores_lift_a_faint_class_and_bear_a_patch_without_any():
    kept = torch.tensor([[[0.9, 0.6, 0.0]], [[0.0, 0.3, 0.0]]])
    scores = cpf_cte.mask_scores(kept)
    assert scores[:, 0, 1].argmax() == 1  # 0.3 is its own maximum, 0.6 is two thirds of 0.9
    assert scores[:, 0, 2].tolist() == [0, 0]


def naive_bilinear(plane, size):
    """Pixel centres, as in ``align_corners=False``; the border is repeated."""
    out = np.zeros(size)
    for y, x in np.ndindex(*size):
        v = min(max((y + 0.5) * len(plane) / size[0] - 0.5, 0), len(plane) - 1)
        u = min(max((x + 0.5) * len(plane[0]) / size[1] - 0.5, 0), len(plane[0]) - 1)
        y0, x0 = int(v), int(u)
        y1, x1 = min(y0 + 1, len(plane) - 1), min(x0 + 1, len(plane[0]) - 1)
        top = plane[y0][x0] * (1 - (u - x0)) + plane[y0][x1] * (u - x0)
        bottom = plane[y1][x0] * (1 - (u - x0)) + plane[y1][x1] * (u - x0)
        out[y, x] = top * (1 - (v - y0)) + bottom * (v - y0)
    return out


@pytest.mark.parametrize('size', SIZES)
def test_eq_10_labels(size):
    scores, target = torch.rand(3, *size, dtype=F64), (7, 11)
    planes = np.stack([naive_bilinear(plane.tolist(), target) for plane in scores])
    found = cpf_cte.predict_labels(scores, target)
    assert found.shape == target
    assert found.tolist() == planes.argmax(0).tolist()


def test_eq_10_is_what_the_pipeline_does_with_a_seed_file():
    scores, size = cpf_cte.mask_scores(torch.rand(3, 4, 6)), (16, 24)
    seed = Seed(classes=[2, 7], cam=scores[1:].numpy(), background=scores[0].numpy(), size=size)
    settings = RefineSettings(bg_threshold=None, crf=None)
    mask, _ = refine_seed(np.zeros((*size, 3), np.uint8), seed, settings)
    expected = np.array([0, 3, 8])[cpf_cte.predict_labels(scores, size).numpy()]
    assert (mask == expected).mean() > 0.99  # two implementations of the enlargement
