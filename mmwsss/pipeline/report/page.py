"""From finished runs to one HTML file without outside parts."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from mmwsss.pipeline.run import PipelineRun
from mmwsss.structures import atomic_path
from mmwsss.visualization import class_legend, heatmap_colors

from .curves import kl_chart, separation_chart, threshold_chart, training_charts
from .figures import (
    class_table,
    confusion_sections,
    kl_notes,
    mean_iou_table,
    notes,
    origin,
    resource_table,
)
from .gallery import (
    MAX_IMAGES,
    TEST,
    TRAINING,
    ImageSet,
    Judged,
    draw_images,
    judge_images,
    test_set,
    training_set,
)
from .prototypes import Prototypes, show_prototypes

_SCALE = 9  # colours of the scale of maps


def write_report(
    path: str | os.PathLike[str], runs: Sequence[PipelineRun], max_images: int = MAX_IMAGES
) -> Path:
    """Write figures, curves and pictures of runs side by side into one file.

    What a run has not made, because it was stopped before or has no such stage, is left out. The
    same files give the same bytes. The more images there are, the smaller they are shown: the file
    stays below 10 MB.

    Args:
        path: Where to, ``.html``.
        runs: The runs; with two, the table has their difference.
        max_images: Images shown at most; all are judged.

    Returns:
        The path.

    Raises:
        ValueError: There is no run.
        FileNotFoundError: A file that a finished stage has written is gone.
    """
    if not runs:
        raise ValueError('a report needs at least one run')
    page = _environment().get_template('page.html').render(describe_runs(runs, max_images))
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding='utf-8')
    return Path(path)


def describe_runs(runs: Sequence[PipelineRun], max_images: int = MAX_IMAGES) -> dict[str, Any]:
    """Return all that the page shows, as plain values for its template.

    Args:
        runs: At least one.
        max_images: Images shown at most.
    """
    processes = max(run.workspace.processes for run in runs)
    found = {TRAINING: training_set(runs), TEST: test_set(runs)}
    sets = {
        kind: (image_set, judge_images(image_set, processes))
        for kind, image_set in found.items()
        if image_set is not None
    }
    images = draw_images(sets, max_images, processes)
    return {
        'title': f'Pipeline: {", ".join(run.name for run in runs)}',
        'runs': [run.name for run in runs],
        'mean_iou': mean_iou_table(runs),
        'notes': notes(runs),
        'classes': class_table(runs, sets),
        'confusions': confusion_sections(sets),
        'thresholds': threshold_chart(runs),
        'separation': separation_chart(runs),
        'trainings': training_charts(runs),
        'kl': kl_chart(runs),
        'prototypes': show_prototypes(runs) if max_images else Prototypes(),
        'kl_notes': kl_notes(runs),
        'resources': resource_table(runs),
        'origin': origin(runs),
        'gallery': _gallery(sets, images) if images else None,
    }


def _gallery(
    sets: dict[str, tuple[ImageSet, Judged]], images: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what the page's script needs to show images."""
    image_set, _ = next(iter(sets.values()))
    known = image_set.images
    total = sum(len(one.ids) for one, _ in sets.values())
    return {
        'classes': list(known.classes),
        'colors': list(class_legend(known.classes, known.palette).values()),
        'scale': [
            f'#{red:02x}{green:02x}{blue:02x}'
            for red, green, blue in heatmap_colors(np.linspace(0, 1, _SCALE))
        ],
        'total': total,
        'images': images,
    }


def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader('mmwsss.pipeline.report')
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters['script_json'] = _script_json
    return environment


def _script_json(value: Any) -> str:
    """Return JSON that ends no script of a page, whatever its texts are."""
    text = json.dumps(value, ensure_ascii=False, separators=(',', ':'))
    return text.replace('<', '\\u003c').replace('\u2028', '\\u2028').replace('\u2029', '\\u2029')
