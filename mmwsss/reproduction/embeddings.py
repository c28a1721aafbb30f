"""Figures with vectors in a plane: CPAL Figure 3, VPL Figures 1 (a) and 4."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.functional.vision_prototypes import modality_gap, region_vectors
from mmwsss.pipeline.stages.images import build_images
from mmwsss.visualization import Embedding, draw_embeddings

from .items import Item
from .networks import batches, image_label, labelled_val, open_network
from .runs import RowRun, State

_PERPLEXITY = 30.0  # t-SNE's usual one
_FEWEST = 4  # points that t-SNE is asked to lay out


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


def draw_alignment(
    item: Item, scale: str, runs: Mapping[str, RowRun], states: Mapping[str, State]
) -> Figure:
    """Draw anchors and context prototypes by t-SNE, a panel per row (CPAL Figure 3)."""
    return _draw_by_tsne(runs, anchor_vectors)


def draw_contrast(
    item: Item, scale: str, runs: Mapping[str, RowRun], states: Mapping[str, State]
) -> Figure:
    """Draw the decoder's region embeddings by t-SNE, a panel per row (VPL Figure 4)."""
    return _draw_by_tsne(runs, decoder_vectors)


def draw_gap(
    item: Item, scale: str, runs: Mapping[str, RowRun], states: Mapping[str, State]
) -> Figure:
    """Draw region vectors, text and vision prototypes by principal components (VPL Figure 1 a)."""
    panels = []
    for label, run in runs.items():
        vectors = clip_vectors(run)
        text, vision = (torch.from_numpy(marks) for marks, _ in vectors.marks.values())
        before, after = (
            float(modality_gap(torch.from_numpy(vectors.points), marks)) for marks in (text, vision)
        )
        title = f'{label}: gap {before:.2f} of text, {after:.2f} of vision prototypes'
        panels.append(_lay_out(title, vectors, _principal_components, links=True))
    return draw_embeddings(panels, _class_names(runs), side=5.5)


def anchor_vectors(run: RowRun) -> Vectors:
    """Return the anchors of all (image, present class) of val, and CPAL's context prototypes.

    Where the head centres its cosines, the running mean is subtracted.
    """
    network, config = open_network(run)
    head = network.prototype_head
    center = head.feature_mean.mean[0] * head.settings.center
    points, classes = [], []
    for batch in batches(network, labelled_val(config)):
        with torch.no_grad():
            output = network.compute_cam(batch['inputs'], batch['data_samples'])
        found = head.explain(output, image_label(batch))
        points.append(found.anchor - center)
        classes.append(found.class_index)
    first = int(head.has_background)  # the background is no class
    rows, places = _filled(head.bank.context_count[first:], head.bank.context.shape[1])
    context = head.bank.context[first:][rows, places] - center
    marks = {'context prototype': (_numpy(context), _numpy(rows))}
    return Vectors(_numpy(torch.cat(points)), _numpy(torch.cat(classes)), marks)


def clip_vectors(run: RowRun) -> Vectors:
    """Return region vectors, as VPL is fitted to, and the text and vision prototypes of classes."""
    network, config = open_network(run)
    prototypes = network.cam_head.prototypes
    vision = prototypes.vectors.clone()
    prototypes.vectors.copy_(prototypes.text)
    points, classes = [], []
    for batch in batches(network, config.seed_dataloader.dataset):
        label = image_label(batch)
        output = network.compute_cam(batch['inputs'], batch['data_samples'])
        settings = prototypes.settings
        x, _, class_index = region_vectors(
            output.vectors, output.cam, label, settings.phi, settings.normalize
        )
        points.append(x)
        classes.append(class_index)
    number = prototypes.num_classes
    own = np.arange(number)
    marks = {
        'text prototype': (_numpy(prototypes.text[:number]), own),
        'vision prototype': (_numpy(vision[:number]), own),
    }
    return Vectors(_numpy(torch.cat(points)), _numpy(torch.cat(classes)), marks)


def decoder_vectors(run: RowRun) -> Vectors:
    """Return the mean embedding of each class in each val image, and the class prototypes."""
    network, config = open_network(run)
    head = network.decode_head
    points, classes = [], []
    for batch in batches(network, config.test_dataloader.dataset):
        with torch.no_grad():
            embedding = head.embed(network.extract_feat(batch['inputs']))[0]  # (D, h, w)
        mask = batch['data_samples'][0].gt_sem_seg.data[None].float()
        mask = F.interpolate(mask, embedding.shape[-2:], mode='nearest-exact')[0, 0]
        for label in range(1, head.num_classes):
            region = mask == label
            if region.any():
                points.append(embedding[:, region].mean(dim=1))
                classes.append(label - 1)
    prototypes = head.class_prototypes
    marks = {'class prototype': (_numpy(prototypes), np.arange(len(prototypes)))}
    return Vectors(_numpy(torch.stack(points)), np.array(classes), marks)


def _draw_by_tsne(runs: Mapping[str, RowRun], vectors_of: Callable[[RowRun], Vectors]) -> Figure:
    panels = []
    for label, run in runs.items():
        vectors = vectors_of(run)
        title = f'{label}: silhouette {silhouette(vectors):.2f}'
        panels.append(_lay_out(title, vectors, _tsne))
    return draw_embeddings(panels, _class_names(runs))


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


def _lay_out(
    title: str,
    vectors: Vectors,
    flatten: Callable[[np.ndarray], np.ndarray],
    links: bool = False,
) -> Embedding:
    """Bring points and marks to one plane."""
    parts = [vectors.points, *(marks for marks, _ in vectors.marks.values())]
    flat = flatten(np.concatenate(parts))
    points, *marks = np.split(flat, np.cumsum([len(part) for part in parts])[:-1])
    owners = {kind: own for kind, (_, own) in vectors.marks.items()}
    placed = {kind: (mark, owners[kind]) for kind, mark in zip(owners, marks, strict=True)}
    return Embedding(title, points, vectors.classes, placed, links)


def _tsne(rows: np.ndarray) -> np.ndarray:
    if len(rows) < _FEWEST:
        raise ValueError(f't-SNE needs at least {_FEWEST} vectors, and there are {len(rows)}')
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    return TSNE(perplexity=perplexity, metric='cosine', init='pca', random_state=0).fit_transform(
        rows
    )


def _principal_components(rows: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA

    return PCA(2, random_state=0).fit_transform(rows)


def _class_names(runs: Mapping[str, RowRun]) -> tuple[str, ...]:
    config = next(iter(runs.values())).config
    return foreground_classes(build_images(config.seed_dataloader.dataset).metainfo['classes'])


def _filled(counts: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return row and place of each entry that exists, ``counts[i]`` of row ``i``."""
    place = torch.arange(most, device=counts.device)
    rows, places = (place < counts[:, None]).nonzero(as_tuple=True)
    return rows, places


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
