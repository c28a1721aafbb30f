"""VPL's first phase against plain loops written from the paper, and against SciPy's optimum."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize

from mmwsss.functional import vision_prototypes as vpl

F64 = torch.float64


def unit(*size, seed=0, dtype=F64):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*size, generator=generator, dtype=F64), dim=-1).to(dtype)


def dot(a, b):
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def normalized(row):
    return [value / math.sqrt(dot(row, row)) for value in row]


def naive_softmax(x, rows, temperature, allowed=None):
    powers = [
        math.exp(dot(x, row) / temperature) if allowed is None or allowed[index] else 0.0
        for index, row in enumerate(rows)
    ]
    return [power / sum(powers) for power in powers]


def naive_target(x, text, allowed, temperature, harden):
    p = naive_softmax(x, text, temperature, allowed)
    if max(p) > harden:
        return [float(value == max(p)) for value in p]
    return p


def naive_kl(target, x, prototypes, temperature):
    """Eq. 7: mean over i of sum over n of P'_in log(P'_in / P_in)."""
    total = 0.0
    for row, anchor in zip(target, x, strict=True):
        p = naive_softmax(anchor, prototypes, temperature)
        for n, value in enumerate(p):
            if row[n] > 0:
                total += float(row[n]) * math.log(float(row[n]) / value)
    return total / len(x)


def naive_gradient(target, x, prototypes, temperature):
    """Entry (k, d): sum over i of x_id (p_ik - P'_ik) / (n tau_I)."""
    gradient = [[0.0] * x.shape[1] for _ in prototypes]
    for row, anchor in zip(target, x, strict=True):
        p = naive_softmax(anchor, prototypes, temperature)
        for k in range(len(prototypes)):
            for d in range(x.shape[1]):
                share = float(anchor[d]) * (p[k] - float(row[k]))
                gradient[k][d] += share / (len(x) * temperature)
    return gradient


def naive_descent(x, target, start, temperature, lr, iterations):
    """The published recipe, with the gradient of a sum and the step ``lr / (n tau_I)``."""
    w, last, curve = [row.tolist() for row in start], math.inf, []
    for _ in range(iterations):
        curve.append(naive_kl(target, x, w, temperature))
        gradient = [[0.0] * len(w[0]) for _ in w]
        for row, anchor in zip(target.tolist(), x.tolist(), strict=True):
            p = naive_softmax(anchor, w, temperature)
            for k in range(len(w)):
                for d, value in enumerate(anchor):
                    gradient[k][d] += value * (p[k] - row[k])
        norm = math.sqrt(sum(value * value for row in gradient for value in row))
        if norm > last:
            lr /= 2
        last = norm
        step = lr / (len(x) * temperature)
        for k, row in enumerate(gradient):
            w[k] = normalized([old - step * g for old, g in zip(w[k], row, strict=True)])
    return w, [*curve, naive_kl(target, x, w, temperature)], lr


def problem(n=7, channels=4, prototypes=5, seed=0, tau_text=0.1, harden=0.6):
    x, text = unit(n, channels, seed=seed), unit(prototypes, channels, seed=seed + 1)
    allowed = torch.rand(n, prototypes, generator=torch.Generator().manual_seed(seed)) > 0.3
    allowed[:, -1] = True
    return x, text, vpl.target_distribution(x, text, allowed, tau_text, harden)


@pytest.mark.parametrize('size', [(3, 5), (1, 1)])
@pytest.mark.parametrize('normalize', [True, False])
def test_region_vectors_are_masked_means(size, normalize):
    features = F.normalize(torch.randn(3, 4, *size, dtype=F64), dim=1)
    cam = torch.rand(3, 2, *size, dtype=F64)
    cam[0, 1], cam[1, 0] = 0.1, 0.9
    label = torch.tensor([[1, 1], [1, 0], [0, 0]])
    vectors, image_index, class_index = vpl.region_vectors(features, cam, label, 0.4, normalize)
    expected, pairs = [], []
    for b, n in ((0, 0), (0, 1), (1, 0)):
        chosen = [
            features[b, :, y, x].tolist()
            for y in range(size[0])
            for x in range(size[1])
            if cam[b, n, y, x] > 0.4
        ]
        if chosen:
            mean = [sum(column) / len(chosen) for column in zip(*chosen, strict=True)]
            expected.append(normalized(mean) if normalize else mean)
            pairs.append((b, n))
    assert (0, 1) not in pairs and (1, 0) in pairs  # without a pixel; with one
    assert list(zip(image_index.tolist(), class_index.tolist(), strict=True)) == pairs
    torch.testing.assert_close(vectors.tolist(), expected)


def test_a_region_is_strictly_above_phi_and_of_its_own_image():
    features = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]], [[[0.6, 1.0]], [[0.8, 0.0]]]])
    cam = torch.tensor([[[[0.4, 0.5]]], [[[1.0, 0.0]]]])
    vectors, *_ = vpl.region_vectors(features, cam, torch.ones(2, 1), phi=0.4)
    torch.testing.assert_close(vectors, torch.tensor([[0.0, 1.0], [0.6, 0.8]]))


def test_no_region_at_all():
    features, cam = torch.rand(2, 3, 2, 2), torch.rand(2, 4, 2, 2)
    for label, phi in ((torch.zeros(2, 4), 0.0), (torch.ones(2, 4), 1.0)):
        for sampler in (vpl.region_vectors, lambda *a: vpl.pixel_vectors(*a, count=3)):
            vectors, *index = sampler(features, cam, label, phi)
            assert vectors.shape == (0, 3) and all(part.shape == (0,) for part in index)


def test_pixels_are_drawn_from_their_region_without_replacement():
    features = torch.arange(24.0).view(2, 1, 3, 4)  # a pixel's value names it
    cam = torch.zeros(2, 2, 3, 4)
    cam[0, 0, 1], cam[1, 0, :, 2], cam[1, 1, 0, 0] = 0.9, 0.9, 0.5
    cam[0, 0, 2] = 0.25  # not above phi
    label = torch.tensor([[1, 1], [1, 1]])
    regions = {(0, 0): {4, 5, 6, 7}, (1, 0): {14, 18, 22}, (1, 1): {12}}
    seen = {pair: set() for pair in regions}
    for seed in range(20):
        vectors, image_index, class_index = vpl.pixel_vectors(
            features, cam, label, 0.25, 2, torch.Generator().manual_seed(seed)
        )
        pairs = list(zip(image_index.tolist(), class_index.tolist(), strict=True))
        assert pairs == [(0, 0), (0, 0), (1, 0), (1, 0), (1, 1)]
        assert len(vectors.unique()) == 5
        for pair, value in zip(pairs, vectors[:, 0].tolist(), strict=True):
            seen[pair].add(value)
    assert seen == regions
    again = vpl.pixel_vectors(features, cam, label, 0.25, 2, torch.Generator().manual_seed(19))
    assert again[0].equal(vectors)


def test_image_vectors_leave_the_padding_out():
    features, valid = torch.rand(2, 3, 2, 4, dtype=F64), torch.ones(2, 1, 2, 4, dtype=F64)
    valid[1, :, :, 2:] = 0
    raw, means = (vpl.image_vectors(features, valid, normalize=n) for n in (False, True))
    torch.testing.assert_close(raw[0], features[0].flatten(1).mean(1))
    torch.testing.assert_close(raw[1], features[1, :, :, :2].flatten(1).mean(1))
    torch.testing.assert_close(means, F.normalize(raw, dim=1))


@pytest.mark.parametrize('harden', [0.6, 0.5, 1.0])
def test_eq_5_the_target_is_restricted_and_hardened(harden):
    x, text = unit(12, 4), unit(5, 4, seed=1)
    allowed = torch.rand(12, 5, generator=torch.Generator().manual_seed(0)) > 0.2
    allowed[:, 4] = True
    target = vpl.target_distribution(x, text, allowed, 0.4, harden)
    expected = [naive_target(x[i], text, allowed[i], 0.4, harden) for i in range(12)]
    torch.testing.assert_close(target.tolist(), expected)
    assert not target[~allowed].any()
    torch.testing.assert_close(target.sum(dim=1), torch.ones(12, dtype=F64))
    hard = (target == 1).any(dim=1)
    assert hard.any() == (harden < 1) and not hard.all()  # the case has both


def test_hardening_by_hand():
    # logits 0 and log 1.5 give 0.4 and 0.6: not above; log 1.6 gives 0.615
    text = torch.tensor([[0.0], [1.0]], dtype=F64)
    x = torch.tensor([[math.log(1.5) - 1e-9], [math.log(1.6)]], dtype=F64)
    target = vpl.target_distribution(x, text, torch.ones(2, 2).bool(), temperature=1.0)
    torch.testing.assert_close(target.tolist(), [[0.4, 0.6], [0.0, 1.0]], atol=1e-8, rtol=0)
    even = vpl.target_distribution(0 * x, text, torch.ones(2, 2).bool(), 1.0, harden=0.5)
    assert even.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_an_example_without_an_allowed_prototype():
    allowed = torch.tensor([[True, False], [False, False]])
    with pytest.raises(ValueError, match='no allowed prototype'):
        vpl.target_distribution(unit(2, 3), unit(2, 3), allowed, 0.01)


@pytest.mark.parametrize('harden', [0.6, 1.0])
def test_theorem_2_one_distribution_an_anchor_class(harden):
    text, class_index = unit(4, 3), torch.tensor([2, 0, 2])
    target = vpl.class_level_targets(class_index, text, 0.5, harden)
    expected = [naive_target(text[m], text, [True] * 4, 0.5, harden) for m in (2, 0, 2)]
    torch.testing.assert_close(target.tolist(), expected)
    assert target[0].equal(target[2])
    assert target.argmax(dim=1).tolist() == [2, 0, 2]


@pytest.mark.parametrize('side', ['below', 'above'])
def test_theorem_2_bounds_the_instance_level_by_the_class_level(side):
    """Eq. 8 with unit prototypes and temperature 1: the factor is exp(2 |x - w|) at most."""
    text = unit(6, 4)
    x = F.normalize(text[:3] + 0.2 * unit(3, 4, seed=5), dim=1)
    instance = vpl.target_distribution(x, text, torch.ones(3, 6).bool(), 1.0, harden=1)
    anchor = vpl.class_level_targets(torch.arange(3), text, 1.0, harden=1)
    factor = (2 * (x - text[:3]).norm(dim=1, keepdim=True)).exp()
    if side == 'below':
        assert (anchor / factor <= instance).all()
    else:
        assert (instance <= factor * anchor).all()


@pytest.mark.parametrize('size', [(7, 4, 5), (1, 1, 2)])
def test_eq_7_and_its_gradient(size):
    x, text, target = problem(*size)
    prototypes = unit(*text.shape, seed=9)
    value = vpl.kl_divergence(target, x, prototypes, 0.3)
    assert float(value) == pytest.approx(naive_kl(target, x, prototypes, 0.3), rel=1e-10)
    gradient = vpl.kl_gradient(target, x, prototypes, 0.3)
    expected = naive_gradient(target, x, prototypes, 0.3)
    torch.testing.assert_close(gradient.tolist(), expected, atol=1e-12, rtol=1e-9)


def test_eq_7_by_hand_and_in_its_direction():
    # P' = (1, 0), P = (1/4, 3/4): KL(P' || P) = log 4; the other direction is infinite
    text, x = torch.tensor([[0.0], [math.log(3)]], dtype=F64), torch.ones(1, 1, dtype=F64)
    target = torch.tensor([[1.0, 0.0]], dtype=F64)
    assert float(vpl.kl_divergence(target, x, text, 1.0)) == pytest.approx(math.log(4))
    # P' = (1/2, 1/2): (log 2 + log 2/3) / 2 this way, (log 1/2 + 3 log 3/2) / 4 the other way
    target[:] = 0.5
    forward = (math.log(2) + math.log(2 / 3)) / 2
    backward = (math.log(0.5) + 3 * math.log(1.5)) / 4
    value = float(vpl.kl_divergence(target, x, text, 1.0))
    assert value == pytest.approx(forward)
    assert abs(forward - backward) > 0.01


def test_the_kl_of_a_distribution_with_itself_is_zero():
    x, text = unit(7, 4), unit(5, 4, seed=1)
    same = vpl.target_distribution(x, text, torch.ones(7, 5).bool(), 0.1, harden=1)
    assert float(vpl.kl_divergence(same, x, text, 0.1)) == pytest.approx(0, abs=1e-12)
    assert float(vpl.kl_gradient(same, x, text, 0.1).abs().max()) < 1e-12
    assert float(vpl.kl_divergence(same, x, text, 0.3)) > 0.01


def test_a_vector_added_to_all_prototypes_changes_the_gap_but_not_the_kl():
    x, text, target = problem()
    moved = text + unit(4, seed=3)
    value = vpl.kl_divergence(target, x, text, 0.3)
    torch.testing.assert_close(vpl.kl_divergence(target, x, moved, 0.3), value)
    assert abs(vpl.modality_gap(x, moved) - vpl.modality_gap(x, text)) > 0.1


def test_the_gradient_is_that_of_autograd():
    x, text, target = problem()
    prototypes = unit(*text.shape, seed=9).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda w: vpl.kl_divergence(target, x, w, 0.3), prototypes, atol=1e-6
    )
    vpl.kl_divergence(target, x, prototypes, 0.3).backward()
    torch.testing.assert_close(vpl.kl_gradient(target, x, prototypes, 0.3), prototypes.grad)


def test_the_recipe_is_that_of_plain_loops():
    x, text, target = problem(n=9, tau_text=0.05)
    found = vpl.fit_by_projected_gradient(x, target, text, 0.1, lr=3.0, iterations=40)
    prototypes, curve, lr = naive_descent(x, target, text, 0.1, 3.0, 40)
    torch.testing.assert_close(found.prototypes.tolist(), prototypes)
    torch.testing.assert_close(found.curve.tolist(), curve)
    assert found.step == lr < 3  # it was halved, to the same value
    assert max(curve) > 1.5 * curve[0]  # and the KL rises first, as published


def test_the_curve_begins_at_the_start_and_ends_at_the_end():
    x, text, target = problem()
    found = vpl.fit_by_projected_gradient(x, target, text, 0.1, iterations=5)
    assert found.curve.shape == (6,)
    for value, prototypes in ((found.curve[0], text), (found.curve[-1], found.prototypes)):
        torch.testing.assert_close(value, vpl.kl_divergence(target, x, prototypes, 0.1))
    nothing = vpl.fit_by_projected_gradient(x, target, text, 0.1, iterations=0)
    assert nothing.prototypes.equal(text) and nothing.step == 10


def test_the_step_is_halved_when_the_norm_grows_and_only_then(monkeypatch):
    # norms 4, 3, 3, 5, 4, 6 grow twice; along the prototype, so that only the step is seen
    norms = iter([4.0, 3.0, 3.0, 5.0, 4.0, 6.0, 0.0])

    def evaluate(self, prototypes):
        return torch.zeros(()), torch.tensor([[next(norms)]])

    monkeypatch.setattr(vpl._KLProblem, 'evaluate', evaluate)
    one = torch.ones(1, 1)
    assert vpl.fit_by_projected_gradient(one, one, -one, 1.0, lr=8.0, iterations=6).step == 2


def scipy_optimum(x, target, start, temperature):
    """The KL at the best unit prototypes that L-BFGS of SciPy finds from `start`."""
    x, target = x.numpy(), target.numpy()
    constant = np.sum(target[target > 0] * np.log(target[target > 0]))

    def objective(flat):
        free = flat.reshape(start.shape)
        length = np.linalg.norm(free, axis=1, keepdims=True)
        logits = x @ (free / length).T / temperature
        log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        slope = (np.exp(log_p) - target).T @ x / (len(x) * temperature)
        along = np.sum(slope * free, axis=1, keepdims=True) * free / length**2
        return (constant - np.sum(target * log_p)) / len(x), ((slope - along) / length).ravel()

    options = {'maxiter': 5000, 'maxfun': 20000, 'ftol': 1e-15, 'gtol': 1e-10}
    found = minimize(objective, start.numpy().ravel(), jac=True, method='L-BFGS-B', options=options)
    return found.fun


@pytest.mark.parametrize('seed', [0, 10])
def test_both_solvers_reach_the_optimum_of_scipy(seed):
    x, text, target = problem(60, 6, 5, seed=seed, tau_text=0.2)
    best = scipy_optimum(x, target, text, 0.3)
    recipe = vpl.fit_by_projected_gradient(x, target, text, 0.3)
    quick = vpl.fit_by_lbfgs(x, target, text, 0.3)
    start = float(recipe.curve[0])
    assert start > 1.1 * best
    for found in (recipe, quick):
        assert float(found.curve[-1]) == pytest.approx(best, abs=1e-3 * (start - best))
        length = found.prototypes.norm(dim=1)
        torch.testing.assert_close(length, torch.ones_like(length))


def test_lbfgs_curve_and_its_end():
    x, text, target = problem(60, 6, 5)
    found = vpl.fit_by_lbfgs(x, target, text, 0.3, iterations=20)
    for value, prototypes in ((found.curve[0], text), (found.curve[-1], found.prototypes)):
        torch.testing.assert_close(value, vpl.kl_divergence(target, x, prototypes, 0.3))
    assert found.curve[-1] == found.curve.min()
    assert not found.prototypes.requires_grad


def test_lbfgs_ends_after_its_iterations():
    x, text, target = problem(60, 6, 5)
    short, long = (len(vpl.fit_by_lbfgs(x, target, text, 0.3, number).curve) for number in (2, 9))
    assert short < long < 20


def test_lbfgs_at_the_optimum_stays_there():
    x, text = unit(7, 4), unit(5, 4, seed=1)
    same = vpl.target_distribution(x, text, torch.ones(7, 5).bool(), 0.1, harden=1)
    found = vpl.fit_by_lbfgs(x, same, text, 0.1)
    torch.testing.assert_close(found.prototypes, text)


@pytest.mark.parametrize('solver', [vpl.fit_by_projected_gradient, vpl.fit_by_lbfgs])
def test_solvers_leave_their_input_and_need_no_gradient(solver):
    x, text, target = (part.float() for part in problem())
    text.requires_grad_()
    before = [part.detach().clone() for part in (x, text, target)]
    found = solver(x, target, text, 0.1, iterations=10)
    assert all(part.equal(old) for part, old in zip((x, text, target), before, strict=True))
    assert found.prototypes.dtype == torch.float32 and not found.prototypes.requires_grad
    again = solver(x, target, text, 0.1, iterations=10)
    assert again.prototypes.equal(found.prototypes)


def test_single_precision_is_enough_for_the_value_and_the_slope():
    x, text, target = problem(300, 32, 9, tau_text=0.02)
    single = [part.float() for part in (target, x, text)]
    for function in (vpl.kl_divergence, vpl.kl_gradient):
        exact = function(target, x, text, 0.03)
        torch.testing.assert_close(function(*single, 0.03).double(), exact, rtol=1e-4, atol=1e-5)


def test_the_gap_is_between_the_means():
    vectors, prototypes = unit(5, 3), unit(2, 3, seed=1)
    means = [
        [sum(c) / len(c) for c in zip(*m.tolist(), strict=True)] for m in (vectors, prototypes)
    ]
    expected = math.dist(*means)
    assert float(vpl.modality_gap(vectors, prototypes)) == pytest.approx(expected)
    assert float(vpl.modality_gap(vectors, vectors)) == 0


@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_a_shift_moves_all_prototypes_by_one_vector(share):
    x, text, target = problem(5, 3, 4)
    found = vpl.fit_by_shift(x, target, text, 0.1, share)
    means = [[sum(c) / len(c) for c in zip(*m.tolist(), strict=True)] for m in (x, text)]
    moved = [
        normalized([v + share * (a - b) for v, a, b in zip(row, *means, strict=True)])
        for row in text.tolist()
    ]
    torch.testing.assert_close(found.prototypes, torch.tensor(moved, dtype=F64))
    curve = [naive_kl(target, x, w, 0.1) for w in (text, torch.tensor(moved, dtype=F64))]
    assert found.curve.tolist() == pytest.approx(curve) and found.step == share
