"""Vectors of a network and the prototypes of their classes, and how they lie in a plane."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mmwsss.visualization import Embedding

from .explaining import MOST, batches, explain

_PERPLEXITY = 30.0  # t-SNE's usual one
FEWEST = 4  # points that t-SNE is asked to lay out


@dataclass(frozen=True)
class Vectors:
    """Vectors of a network, and the prototypes of their classes.

    Attributes:
        points: ``(n, D)``.
        classes: Foreground class of each point, ``(n,)``.
        marks: By what they are: ``(m, D)``, and their classes ``(m,)``.
    """

    points: np.ndarray
    classes: np.ndarray
    marks: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many there are, prototypes among them."""
        return len(self.points) + sum(len(marks) for marks, _ in self.marks.values())


def anchor_vectors(
    network: Any, dataset: Mapping[str, Any], most: int = MOST
) -> tuple[Vectors, Vectors]:
    """Return the instance prototypes of images, and CPAL's context prototypes (CPAL Figure 3).

    Where the head centres its cosines, the running mean is subtracted.

    Args:
        network: Trained, with a `PrototypeAwareCAMHead`.
        dataset: Config of the images, with their labels.
        most: Number of images at most.

    Returns:
        Of every (image, present class) before the alignment, and after it (Eq. 12).
    """
    head = network.prototype_head
    center = head.feature_mean.mean[0] * head.settings.center
    found = [explain(network, batch) for batch in batches(network, dataset, most)]
    classes = to_numpy(torch.cat([one.class_index for one in found]))
    first = int(head.has_background)  # the background is no class
    rows, places = _filled(head.bank.context_count[first:], head.bank.context.shape[1])
    context = head.bank.context[first:][rows, places] - center
    marks = {'context prototype': (to_numpy(context), to_numpy(rows))}
    before, after = (
        Vectors(to_numpy(torch.cat(points) - center), classes, marks)
        for points in ([one.instance for one in found], [one.anchor for one in found])
    )
    return before, after


def lay_out(
    title: str,
    vectors: Vectors,
    flatten: Callable[[np.ndarray], np.ndarray],
    links: bool = False,
) -> Embedding:
    """Bring points and marks to one plane.

    Args:
        title: Of the panel.
        vectors: Points and marks.
        flatten: From ``(n, D)`` to ``(n, 2)``.
        links: As `Embedding` has them.
    """
    parts = [vectors.points, *(marks for marks, _ in vectors.marks.values())]
    flat = flatten(np.concatenate(parts))
    points, *marks = np.split(flat, np.cumsum([len(part) for part in parts])[:-1])
    owners = {kind: own for kind, (_, own) in vectors.marks.items()}
    placed = {kind: (mark, owners[kind]) for kind, mark in zip(owners, marks, strict=True)}
    return Embedding(title, points, vectors.classes, placed, links)


def tsne(rows: np.ndarray) -> np.ndarray:
    """Bring vectors ``(n, D)`` to a plane by t-SNE on cosines; the same give the same.

    Raises:
        ImportError: scikit-learn, of the extra ``figures``, is not installed.
        ValueError: There are fewer than `FEWEST`.
    """
    if len(rows) < FEWEST:
        raise ValueError(f't-SNE needs at least {FEWEST} vectors, and there are {len(rows)}')
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    return TSNE(perplexity=perplexity, metric='cosine', init='pca', random_state=0).fit_transform(
        rows
    )


def has_scikit_learn() -> bool:
    """Say whether scikit-learn, of the extra ``figures``, is there for `tsne` and `silhouette`."""
    return importlib.util.find_spec('sklearn') is not None


def silhouette(vectors: Vectors) -> float:
    """Return how compact the classes are, by the cosine: -1 to 1, NaN where it is not defined.

    Example:
        >>> points = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
        >>> silhouette(Vectors(points, np.array([0, 0, 1, 1])))
        1.0
    """
    if not 1 < len(set(vectors.classes.tolist())) < len(vectors.classes):
        return float('nan')
    from sklearn.metrics import silhouette_score  # of the extra `figures`

    return float(silhouette_score(vectors.points, vectors.classes, metric='cosine'))


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Return the values of a tensor."""
    return tensor.detach().cpu().numpy()


def _filled(counts: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return row and place of each entry that exists, ``counts[i]`` of row ``i``."""
    place = torch.arange(most, device=counts.device)
    rows, places = (place < counts[:, None]).nonzero(as_tuple=True)
    return rows, places
