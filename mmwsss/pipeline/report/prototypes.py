"""Context prototypes of CPAL: where they light up (Figure 5 a), how they lie in a plane (3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.device import get_device

from mmwsss.models.prototypes import PrototypeAwareCAMHead
from mmwsss.pipeline import stages
from mmwsss.pipeline.explaining import light_up
from mmwsss.pipeline.network import last_checkpoint, load_network
from mmwsss.pipeline.report_pictures import Images, read_images
from mmwsss.pipeline.run import PipelineRun
from mmwsss.pipeline.vectors import (
    FEWEST,
    Vectors,
    anchor_vectors,
    has_scikit_learn,
    lay_out,
    silhouette,
    tsne,
)
from mmwsss.visualization import Embedding, class_legend

from .thumbnails import map_layer, photograph

_IMAGES = 6
_PROTOTYPES = 5  # of an image, those with the largest weights
_SIDE = 152  # pixels: seven pictures fit in a row
_LEAST = 0.005  # weight that two digits show
_PLANE_IMAGES = 100  # ours: enough to see classes, and few to run through a network on a CPU
_PLANE = 400  # side of a plane in units of its SVG
_MARGIN = 12
_STATES = ('before the alignment', 'after the alignment')


@dataclass
class Prototypes:
    """What the page shows of the plug-ins of runs.

    Attributes:
        rows: An image each: the photograph, and layers of the weightiest prototypes.
        planes: Instances and context prototypes by t-SNE, as `plane.html` draws them.
        note: Why there is no plane, where there could be one; empty if there is.
        legend: Names and colours of the classes that the planes show.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    planes: list[dict[str, Any]] = field(default_factory=list)
    note: str = ''
    legend: list[tuple[str, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Say whether there is anything to show."""
        return bool(self.rows or self.planes or self.note)


def show_prototypes(runs: Sequence[PipelineRun]) -> Prototypes:
    """Return what can be shown of runs; those whose network has no context prototypes have nothing.

    Args:
        runs: Finished or not; the first network with a plug-in is taken of each.
    """
    shown = Prototypes()
    for run in runs:
        found = _trained_plug_in(run)
        if found:
            _add_run(shown, run.name, *found)
    return shown


def _trained_plug_in(run: PipelineRun) -> tuple[Config, Path] | None:
    """Return the config and the checkpoint of the network with a plug-in, or None."""
    for name in run.records:
        stage = run.workspace.stages[name]
        if not isinstance(stage, stages.Train):
            continue
        folder = run.workspace.folder(name)
        config = stage.network_config(run.workspace)
        has_plug_in = bool(config.get('model', {}).get('prototype_head'))
        if has_plug_in and (folder / 'last_checkpoint').is_file():
            return config, last_checkpoint(folder)
    return None


def _add_run(shown: Prototypes, name: str, config: Config, checkpoint: Path) -> None:
    network: Any = load_network(config.model, checkpoint).to(get_device()).eval()
    if not hasattr(network.prototype_head, 'explain'):  # not every plug-in says what it saw
        return
    dataset = config.seed_dataloader.dataset
    images = read_images(dataset)
    shown.rows += _rows(name, network, dataset, images)
    if not isinstance(network.prototype_head, PrototypeAwareCAMHead):
        return
    if not has_scikit_learn():
        shown.note = (
            'How they lie in a plane (t-SNE) needs scikit-learn: pip install mmwsss[figures].'
        )
        return
    shown.planes += _planes(name, network, dataset, images)
    used = {pair for plane in shown.planes for pair in plane['legend']}
    order = list(images.classes)
    shown.legend = sorted(used, key=lambda pair: order.index(pair[0]))


def _rows(
    name: str, network: Any, dataset: Mapping[str, Any], images: Images
) -> list[dict[str, Any]]:
    rows = []
    for light in light_up(network, dataset, images, _IMAGES, _PROTOTYPES):
        photo, size = photograph(images.infos[light.image_id]['img_path'], _SIDE)
        named = [('all, weighted', light.total)]
        named += [
            (f'weight {weight:.2f}' if weight >= _LEAST else 'no weight', one)
            for weight, one in zip(light.weights, light.maps, strict=True)
        ]
        layers = [{'name': text, 'src': map_layer(one, size)} for text, one in named]
        title = f'{light.image_id}: {images.classes[light.class_index + 1]}'
        rows.append({'run': name, 'title': title, 'photo': photo, 'size': size, 'layers': layers})
    return rows


def _planes(
    name: str, network: Any, dataset: Mapping[str, Any], images: Images
) -> list[dict[str, Any]]:
    """Lay out the instances before and after the alignment; once where there is none."""
    before, after = anchor_vectors(network, dataset, _PLANE_IMAGES)
    shown = [(_STATES[0], before), (_STATES[1], after)]
    if np.array_equal(before.points, after.points):
        shown = [('', after)]
    return [
        _plane(name, state, vectors, images)
        for state, vectors in shown
        if len(vectors.points) and len(vectors) >= FEWEST
    ]


def _plane(name: str, state: str, vectors: Vectors, images: Images) -> dict[str, Any]:
    """Return the places of points and prototypes in an SVG, with their classes and colours."""
    value = silhouette(vectors)
    told = '' if np.isnan(value) else f'silhouette {value:.2f}'
    laid = lay_out(', '.join(filter(None, (state, told))), vectors, tsne)
    names = images.classes[1:]
    colors = list(class_legend(images.classes, images.palette).values())[1:]
    (marks, owners), *_ = laid.marks.values()
    used = sorted({*laid.classes.tolist(), *owners.tolist()})
    places, corners = _places(laid, marks)
    return {
        'run': name,
        'title': laid.title,
        'side': _PLANE,
        'legend': [(names[index], colors[index]) for index in used],
        'points': _drawn(places, laid.classes, names, colors),
        'marks': _drawn(corners, owners, names, colors),
    }


def _places(laid: Embedding, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points and marks in the units of the SVG, with one scale for both axes."""
    both = np.concatenate([laid.points, marks]).astype(np.float64)
    low, high = both.min(axis=0), both.max(axis=0)
    scale = (_PLANE - 2 * _MARGIN) / max((high - low).max(), 1e-9)
    placed = _PLANE / 2 + scale * (both - (low + high) / 2)
    return placed[: len(laid.points)], placed[len(laid.points) :]


def _drawn(
    places: np.ndarray, classes: np.ndarray, names: Sequence[str], colors: Sequence[str]
) -> list[tuple[float, float, str, str]]:
    """Return x, y, colour and name of each."""
    return [
        (round(float(x), 1), round(float(y), 1), colors[index], names[index])
        for (x, y), index in zip(places, classes.tolist(), strict=True)
    ]
