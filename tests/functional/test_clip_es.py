import math

import pytest
import torch

from mmwsss.functional import clip_es


@pytest.mark.parametrize('label', [[1, 0, 1], [1, 1, 1]])
def test_odds_are_those_of_a_softmax_over_present_classes_and_background(label):
    torch.manual_seed(0)
    embedding, prototypes = torch.randn(2, 5).double(), torch.randn(5, 5).double()
    logits = clip_es.class_logits(embedding, prototypes, torch.tensor([label, label]), 20.0)
    for own in (0, 2):
        odds = clip_es.log_odds(logits, torch.tensor([own, own]))
        for b in range(2):
            scores = {}
            for p in range(5):
                if p >= 3 or label[p]:
                    dot = sum(float(embedding[b, d] * prototypes[p, d]) for d in range(5))
                    square = float((embedding[b] ** 2).sum() * (prototypes[p] ** 2).sum())
                    scores[p] = math.exp(20 * dot / math.sqrt(square))
            probability = scores[own] / sum(scores.values())
            assert odds[b].sigmoid() == pytest.approx(probability)


def test_the_gradient_is_that_of_the_probability_but_for_a_factor():
    torch.manual_seed(0)
    embedding = torch.randn(1, 3).double().requires_grad_()
    prototypes = torch.randn(4, 3).double()
    logits = clip_es.class_logits(embedding, prototypes, torch.tensor([[1, 0]]), 5.0)
    odds = clip_es.log_odds(logits, torch.tensor([0]))
    found = torch.autograd.grad(odds.sum(), embedding, retain_graph=True)[0]
    p = odds.sigmoid()
    found = found * p * (1 - p)
    expected = torch.autograd.grad(logits.softmax(dim=1)[0, 0], embedding)[0]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('gap', [60.0, 0.0])
def test_a_class_that_is_sure_still_has_a_gradient(gap):
    logits = torch.tensor([[gap, 0.0, -5.0]], requires_grad=True)
    odds = clip_es.log_odds(logits, torch.tensor([0]))
    gradient = torch.autograd.grad(odds.sum(), logits)[0]
    assert gradient[0, 0] == 1 and gradient[0, 1] < -0.9


def test_a_class_alone_has_a_finite_gradient():
    logits = torch.full((1, 2), clip_es.ABSENT)
    logits[0, 0] = 3.0
    odds = clip_es.log_odds(logits.requires_grad_(), torch.tensor([0]))
    assert torch.autograd.grad(odds.sum(), logits)[0].isfinite().all()


@pytest.mark.parametrize('tokens', [2, 5])
def test_what_is_added_to_all_patches_has_the_gradient_of_autograd(tokens):
    torch.manual_seed(0)
    heads = torch.randn(3, 2, 2, tokens, 4).double()  # queries, keys, values
    gradient = torch.randn(3, 2, 2, tokens, 4).double()
    shift = torch.zeros(2, 3, 2, 4).double().requires_grad_()
    moved = heads.clone()
    moved[..., 1:, :] += shift.movedim(1, 0)[..., None, :]
    scores = torch.einsum('bhtc,bhuc->bhtu', moved[0], moved[1]) / 2
    mixed = torch.einsum('bhtu,bhuc->bhtc', scores.exp() / scores.exp().sum(-1, True), moved[2])
    found = clip_es.common_shift_gradient(*heads, mixed.detach(), gradient)
    for one, score in zip(found, gradient, strict=True):
        expected = torch.autograd.grad((mixed * score).sum(), shift, retain_graph=True)[0]
        torch.testing.assert_close(one, expected)


def test_grad_cam():
    torch.manual_seed(0)
    activation, gradient = torch.randn(2, 6, 4), torch.randn(2, 6, 4)
    found = clip_es.grad_cam(activation, gradient)
    for b in range(2):
        for patch in range(6):
            total = 0.0
            for c in range(4):
                weight = sum(float(gradient[b, q, c]) for q in range(6)) / 6
                total += weight * float(activation[b, patch, c])
            assert found[b, patch] == pytest.approx(max(total, 0), abs=1e-6)


def test_normalised_maps():
    maps = torch.tensor([[[2.0, 3.0], [2.0, 6.0]], [[5.0, 5.0], [5.0, 5.0]]])
    expected = torch.tensor([[[0, 0.25], [0, 1.0]], [[0, 0], [0, 0]]])
    torch.testing.assert_close(clip_es.normalize_cam(maps), expected)


@pytest.mark.parametrize('rounds', [1, 3])
def test_affinity(rounds):
    torch.manual_seed(0)
    attention = torch.rand(2, 5, 5).double() + 0.1
    found = clip_es.attention_affinity(attention, rounds)
    for b in range(2):
        t = attention[b].tolist()
        for _ in range(rounds):
            sums = [sum(t[i][j] for i in range(5)) for j in range(5)]
            t = [[t[i][j] / sums[j] for j in range(5)] for i in range(5)]
            t = [[value / sum(row) for value in row] for row in t]
        s = [[(t[i][j] + t[j][i]) / 2 for j in range(5)] for i in range(5)]
        for i in range(5):
            for j in range(5):
                assert found[b, i, j] == pytest.approx(sum(s[i][k] * s[k][j] for k in range(5)))
