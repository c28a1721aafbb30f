"""Vision Prototype Learning (AAAI 2025), phase 1: vision prototypes from text prototypes.

Prototypes are *rows* everywhere in this package, ``(P, D)``: first the ``N`` foreground classes,
then the ``P - N`` background names. The paper writes them as columns, of ``Z`` (text) and ``W``
(vision). Shapes: ``B`` images, ``M`` pairs (image, present class), ``n`` examples, ``D`` channels,
``h x w`` grid. An example is one row of ``x``: a region, a pixel or an image.

The solver (hardened targets, the step ``lr / (n tau_I)``, halving) is that of Intra-Modal Proxy
Learning (InMaP; Qian, Xu and Hu, NeurIPS 2023), which VPL cites.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

LBFGS_ITERATIONS = 200  # ours
_HISTORY = 20  # ours: pairs that L-BFGS keeps


def region_vectors(
    features: Tensor, cam: Tensor, image_label: Tensor, phi: float, normalize: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean feature of each region: a present class's pixels with ``cam > phi`` (the 0-1 seed mask).

    The mean of unit vectors is shorter than one, and the shorter the more varied its region is.
    ``tau_T`` and ``tau_I`` are temperatures of cosines (Theorem 1: CLIP's embeddings are on the
    unit sphere; its text vectors are brought back to it after the mean over prompts), so the mean
    is L2-normalised again by default. Without, a varied region gets a softer target.

    Args:
        features: Projected patch features, L2-normalised, ``(B, D, h, w)``.
        cam: Zero in the padding, ``(B, N, h, w)`` in [0, 1].
        image_label: ``(B, N)`` of 0 and 1.
        phi: Threshold in [0, 1).
        normalize: Bring the means to unit length.

    Returns:
        Vectors ``(M, D)``, image index ``(M,)`` and class index ``(M,)`` of each pair, in the order
        of images and then of classes; a pair without a pixel above `phi` is left out.
    """
    mask = (cam > phi).to(features) * (image_label > 0).to(features)[:, :, None, None]
    count = mask.sum(dim=(2, 3))  # (B, N)
    total = mask.flatten(2) @ features.flatten(2).transpose(1, 2)  # (B, N, L) @ (B, L, D)
    image_index, class_index = count.nonzero(as_tuple=True)
    mean = total[image_index, class_index] / count[image_index, class_index, None]
    return F.normalize(mean, dim=1) if normalize else mean, image_index, class_index


def pixel_vectors(
    features: Tensor,
    cam: Tensor,
    image_label: Tensor,
    phi: float,
    count: int,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw pixels ``x_ik`` (Eq. 3) of each region, without replacement.

    Args:
        features: Projected patch features, L2-normalised, ``(B, D, h, w)``.
        cam: Zero in the padding, ``(B, N, h, w)`` in [0, 1].
        image_label: ``(B, N)`` of 0 and 1.
        phi: Only pixels with ``cam > phi`` are drawn.
        count: Pixels of a pair (image, present class); all, where it has fewer.
        generator: Source of chance, on its own device.

    Returns:
        Vectors ``(n, D)``, image index ``(n,)`` and class index ``(n,)``, in the order of pairs.
    """
    image_index, class_index = image_label.nonzero(as_tuple=True)
    mask = cam[image_index, class_index].flatten(1) > phi  # (M, L)
    device = features.device if generator is None else generator.device
    chance = torch.rand(mask.shape, generator=generator, device=device).to(features.device)
    # The largest of independent random numbers are a draw without replacement, for all pairs at
    # once; what is not in the region comes last, with a key that the next line drops.
    key, pixel = chance.masked_fill(~mask, -1.0).topk(min(count, mask.shape[1]), dim=1)
    pair, slot = (key >= 0).nonzero(as_tuple=True)
    image_index, class_index = image_index[pair], class_index[pair]
    return features.flatten(2)[image_index, :, pixel[pair, slot]], image_index, class_index


def image_vectors(features: Tensor, valid: Tensor, normalize: bool = True) -> Tensor:
    """Mean feature of each image.

    Args:
        features: Projected patch features, L2-normalised, ``(B, D, h, w)``.
        valid: 1 inside the image, 0 in the padding, ``(B, 1, h, w)``.
        normalize: Bring the means to unit length, as in `region_vectors`.

    Returns:
        ``(B, D)``.
    """
    mean = (features * valid).sum(dim=(2, 3)) / valid.sum(dim=(2, 3))
    return F.normalize(mean, dim=1) if normalize else mean


def target_distribution(
    x: Tensor, text: Tensor, allowed: Tensor, temperature: float, harden: float = 0.6
) -> Tensor:
    """Distribution ``P'`` of each example under the text prototypes (Eq. 5, left).

    Args:
        x: ``(n, D)``.
        text: ``(P, D)``.
        allowed: The prototypes that count for an example, those of its image's classes and of the
            background: the others get 0, and these sum to 1. ``(n, P)`` bool.
        temperature: ``tau_T``.
        harden: Rows with an entry above become one-hot there; 1 leaves all as they are.

    Returns:
        ``(n, P)``, rows sum to 1.

    Raises:
        ValueError: An example has no allowed prototype.

    Example:
        >>> x, text = torch.zeros(2, 1), torch.zeros(3, 1)
        >>> allowed = torch.tensor([[True, True, False], [False, True, False]])
        >>> target_distribution(x, text, allowed, temperature=0.01)
        tensor([[0.5000, 0.5000, 0.0000],
                [0.0000, 1.0000, 0.0000]])
    """
    if not allowed.any(dim=1).all():
        raise ValueError(
            'an example has no allowed prototype: give the prototypes background names, or leave '
            'out images without a class'
        )
    # The temperature divides the few prototypes and not the many examples.
    logits = (x @ (text / temperature).t()).masked_fill(~allowed, float('-inf'))
    target = logits.softmax(dim=1)
    value, best = target.max(dim=1)
    one_hot = F.one_hot(best, len(text)).to(target)
    return torch.where((value > harden)[:, None], one_hot, target)


def class_level_targets(
    class_index: Tensor, text: Tensor, temperature: float, harden: float = 0.6
) -> Tensor:
    """Distribution ``P'`` of the class of each example, one an anchor class (Theorem 2).

    The text prototype of the class takes the place of the example: ``softmax(z_m Z / tau_T)``, over
    all prototypes, for a class has no image to restrict it to. The side that learns stays that of
    the examples: with a class as the anchor there too, no image would enter.

    Args:
        class_index: ``m``, the class of each example, ``(n,)``.
        text: ``(P, D)``.
        temperature: ``tau_T``.
        harden: As in `target_distribution`. The text prototypes of different classes are far
            apart at ``tau_T = 0.01``, so that all rows become one-hot: pseudo-labels (Eq. 3).

    Returns:
        ``(n, P)``, rows sum to 1; rows of one class are the same.
    """
    everything = torch.ones(len(text), len(text), dtype=torch.bool, device=text.device)
    return target_distribution(text, text, everything, temperature, harden)[class_index]


def kl_divergence(target: Tensor, x: Tensor, prototypes: Tensor, temperature: float) -> Tensor:
    """Mean ``KL(P' || P)`` over the examples, ``P = softmax(x W / tau_I)`` (Eq. 7).

    Args:
        target: ``P'``, ``(n, P)``, constant.
        x: ``(n, D)``.
        prototypes: ``W``, ``(P, D)``.
        temperature: ``tau_I``.

    Returns:
        A scalar, in nats.

    Example:
        >>> target, x = torch.tensor([[1.0, 0.0]]), torch.ones(1, 1)
        >>> kl_divergence(target, x, torch.zeros(2, 1), 0.03)  # uniform: log 2
        tensor(0.6931)
    """
    log_p = F.log_softmax(x @ (prototypes / temperature).t(), dim=1)
    return F.kl_div(log_p, target, reduction='batchmean')


def kl_gradient(target: Tensor, x: Tensor, prototypes: Tensor, temperature: float) -> Tensor:
    """Gradient of `kl_divergence` by the prototypes, ``x^T (p - P') / (n tau_I)`` (Eq. 11).

    Args:
        target: ``P'``, ``(n, P)``, rows sum to 1.
        x: ``(n, D)``.
        prototypes: ``W``, ``(P, D)``.
        temperature: ``tau_I``.

    Returns:
        ``(P, D)``.
    """
    return _KLProblem(target, x, temperature).evaluate(prototypes)[1]


class Fit(NamedTuple):
    """What a solver gives back.

    Attributes:
        prototypes: ``W``, ``(P, D)``, rows of unit length.
        curve: Mean KL, on the CPU; the first value is that of the start, the last that of
            `prototypes`.
        step: The step at the end: what halving left of the learning rate (projected gradient), or
            the last step along the search direction (L-BFGS).
    """

    prototypes: Tensor
    curve: Tensor
    step: float


@torch.no_grad()
def fit_by_projected_gradient(
    x: Tensor,
    target: Tensor,
    start: Tensor,
    temperature: float,
    lr: float = 10.0,  # VPL Implementation Details
    iterations: int = 3000,  # VPL Implementation Details
) -> Fit:
    """Minimise the KL over unit prototypes (Eq. 11, Algorithm 1) by InMaP's recipe.

    ``W <- normalise(W - lr / (n tau_I) x^T (p - P'))``, full batch; before a step `lr` is halved if
    the norm of the gradient has grown since the last one. The KL first rises, until `lr` has been
    halved enough: that is the recipe.

    Args:
        x: ``(n, D)`` float32.
        target: ``P'``, ``(n, P)``.
        start: Where to begin, ``Z``, ``(P, D)`` with rows of unit length.
        temperature: ``tau_I``.
        lr: First learning rate.
        iterations: ``T_w``.

    Returns:
        The fit; its curve has a value per iteration and that of the end, ``(iterations + 1,)``.
    """
    problem = _KLProblem(target, x, temperature)
    prototypes = start.clone()
    curve = x.new_empty(iterations + 1)
    step, last_norm = x.new_tensor(lr), x.new_tensor(float('inf'))
    for iteration in range(iterations):
        curve[iteration], gradient = problem.evaluate(prototypes)
        norm = gradient.norm()
        step = torch.where(norm > last_norm, step / 2, step)
        last_norm = norm
        prototypes = F.normalize(prototypes - step * gradient, dim=1)
    curve[iterations] = problem.evaluate(prototypes)[0]
    return Fit(prototypes, curve.cpu(), float(step))


def fit_by_lbfgs(
    x: Tensor,
    target: Tensor,
    start: Tensor,
    temperature: float,
    iterations: int = LBFGS_ITERATIONS,
) -> Fit:
    """Minimise the same KL over the same unit prototypes by L-BFGS (ours).

    Searches over free rows ``V`` with ``W = normalise(V)``, so that no projection interrupts it;
    ends early where the KL no longer changes.

    Args:
        x: ``(n, D)`` float32.
        target: ``P'``, ``(n, P)``.
        start: Where to begin, ``(P, D)`` with rows of unit length.
        temperature: ``tau_I``.
        iterations: At most so many.

    Returns:
        The fit; its curve has a value for each *evaluation*, those of the line search too.
    """
    problem = _KLProblem(target, x, temperature)
    free = start.detach().clone().requires_grad_()
    curve = []
    optimizer = torch.optim.LBFGS(
        [free], max_iter=iterations, history_size=_HISTORY, line_search_fn='strong_wolfe'
    )

    @torch.no_grad()
    def evaluate() -> Tensor:
        length = free.norm(dim=1, keepdim=True)
        unit = free / length
        value, gradient = problem.evaluate(unit)
        # V enters by its direction alone: what points along V changes nothing and is taken out.
        radial = (gradient * unit).sum(dim=1, keepdim=True) * unit
        free.grad = (gradient - radial) / length  # chain rule of the normalisation
        curve.append(value)
        return value

    optimizer.step(evaluate)
    prototypes = F.normalize(free.detach(), dim=1)
    curve.append(problem.evaluate(prototypes)[0])
    return Fit(prototypes, torch.stack(curve).cpu(), float(optimizer.state[free].get('t') or 0))


@torch.no_grad()
def fit_by_shift(x: Tensor, target: Tensor, start: Tensor, temperature: float, share: float) -> Fit:
    """Move all prototypes by a share of the gap of the means, as Liang et al. (2022) move vectors.

    Nothing is optimised: the other way across the gap, which VPL's Table 4 compares with.

    Args:
        x: ``(n, D)``.
        target: ``P'``, ``(n, P)``, for the curve.
        start: ``Z``, ``(P, D)``.
        temperature: ``tau_I``, for the curve.
        share: Of the difference of the two means; 0 leaves the prototypes where they are.

    Returns:
        ``normalise(Z + share (mean x - mean Z))``; the curve has the KL before and after, ``(2,)``,
        and the step is `share`.
    """
    problem = _KLProblem(target, x, temperature)
    prototypes = F.normalize(start + share * (x.mean(dim=0) - start.mean(dim=0)), dim=1)
    curve = [problem.evaluate(found)[0] for found in (start, prototypes)]
    return Fit(prototypes, torch.stack(curve).cpu(), share)


def modality_gap(vectors: Tensor, prototypes: Tensor) -> Tensor:
    """Distance of the mean vision vector and the mean prototype (ours; Tables 4, 5 define none).

    Args:
        vectors: Region vectors, ``(n, D)``.
        prototypes: The class rows alone, ``(N, D)``.

    Returns:
        A scalar, the L2 distance.

    Example:
        >>> modality_gap(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 2.0], [1.0, 4.0]]))
        tensor(3.)
    """
    return (vectors.mean(dim=0) - prototypes.mean(dim=0)).norm()


class _KLProblem:
    """Value and gradient of `kl_divergence` with two matrix products in all.

    Args:
        target: ``P'``, ``(n, P)``.
        x: ``(n, D)``.
        temperature: ``tau_I``.
    """

    def __init__(self, target: Tensor, x: Tensor, temperature: float) -> None:
        self.target = target
        self.x = x
        self.temperature = temperature
        self.constant = torch.special.xlogy(target, target).sum() / len(x)  # minus the entropy

    @torch.no_grad()
    def evaluate(self, prototypes: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean KL and its gradient by the prototypes, ``(P, D)``."""
        log_p = F.log_softmax(self.x @ (prototypes / self.temperature).t(), dim=1)  # (n, P)
        # KL = sum P' log P' - sum P' log P; the first term is constant during a fit.
        value = self.constant - torch.dot(self.target.flatten(), log_p.flatten()) / len(self.x)
        residual = log_p.exp_().sub_(self.target)
        return value, residual.t() @ self.x / (len(self.x) * self.temperature)
