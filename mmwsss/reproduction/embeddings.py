"""Figures with vectors in a plane: CPAL Figure 3, VPL Figures 1 (a) and 4."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.functional.vision_prototypes import modality_gap, region_vectors
from mmwsss.pipeline.explaining import batches, image_label
from mmwsss.pipeline.stages.images import build_images
from mmwsss.pipeline.vectors import (
    Vectors,
    anchor_vectors,
    lay_out,
    silhouette,
    to_numpy,
    tsne,
)
from mmwsss.visualization import draw_embeddings

from .items import Item
from .networks import labelled_val, open_network
from .runs import RowRun, State


def draw_alignment(
    item: Item, scale: str, runs: Mapping[str, RowRun], states: Mapping[str, State]
) -> Figure:
    """Draw anchors and context prototypes by t-SNE, a panel per row (CPAL Figure 3)."""
    return _draw_by_tsne(runs, aligned_anchors)


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
        panels.append(lay_out(title, vectors, _principal_components, links=True))
    return draw_embeddings(panels, _class_names(runs), side=5.5)


def aligned_anchors(run: RowRun) -> Vectors:
    """Return the anchors of all (image, present class) of val, and CPAL's context prototypes."""
    network, config = open_network(run)
    _, after = anchor_vectors(network, labelled_val(config))
    return after


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
        'text prototype': (to_numpy(prototypes.text[:number]), own),
        'vision prototype': (to_numpy(vision[:number]), own),
    }
    return Vectors(to_numpy(torch.cat(points)), to_numpy(torch.cat(classes)), marks)


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
    marks = {'class prototype': (to_numpy(prototypes), np.arange(len(prototypes)))}
    return Vectors(to_numpy(torch.stack(points)), np.array(classes), marks)


def _draw_by_tsne(runs: Mapping[str, RowRun], vectors_of: Callable[[RowRun], Vectors]) -> Figure:
    panels = []
    for label, run in runs.items():
        vectors = vectors_of(run)
        title = f'{label}: silhouette {silhouette(vectors):.2f}'
        panels.append(lay_out(title, vectors, tsne))
    return draw_embeddings(panels, _class_names(runs))


def _principal_components(rows: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA

    return PCA(2, random_state=0).fit_transform(rows)


def _class_names(runs: Mapping[str, RowRun]) -> tuple[str, ...]:
    config = next(iter(runs.values())).config
    return foreground_classes(build_images(config.seed_dataloader.dataset).metainfo['classes'])
