"""The page at the end of a pipeline: figures, threshold curves and pictures in one HTML file."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mmwsss
from mmwsss.engine.vision_prototypes import KL_CURVE_FILE
from mmwsss.structures.files import atomic_path
from mmwsss.terminal import format_duration
from mmwsss.visualization import (
    class_legend,
    draw_kl_curves,
    draw_threshold_curves,
    heatmap_colors,
)

from . import stages
from .report_html import (
    Table,
    render_legend,
    render_list,
    render_page,
    render_paragraph,
    render_picture,
    render_scale,
    render_section,
    render_table,
)
from .report_pictures import (
    Images,
    last_stage,
    prediction_images,
    render_test_pictures,
    render_training_pictures,
    seed_images,
    seed_scores,
)
from .run import PipelineRun
from .table import mean_iou_rows

_NO_VALUE = '-'
_SCALE_COLORS = 9


def write_report(
    path: str | os.PathLike[str], runs: Sequence[PipelineRun], num_images: int = 8
) -> Path:
    """Write figures and pictures of pipelines side by side into one file without outside parts.

    What a run has not made, because it was stopped before or has no such stage, is left out. The
    same files give the same bytes.

    Args:
        path: Where to, ``.html``.
        runs: The pipelines; with two, the table has their difference.
        num_images: Training images shown, and test images.

    Returns:
        The path.

    Raises:
        ValueError: There is no run.
        FileNotFoundError: A file that a finished stage has written is gone.
    """
    if not runs:
        raise ValueError('a report needs at least one run')
    sections = [
        render_section('Mean IoU (%)', render_table(_mean_iou_table(runs)), _notes(runs)),
        render_section('Seeds at every background threshold', _curves(runs)),
        render_section('Vision prototypes', _kl_curves(runs), _kl_notes(runs)),
        render_section('IoU by class (%)', render_table(_class_table(runs))),
        _training_section(runs, num_images),
        _test_section(runs, num_images),
        render_section('Time of the stages', render_table(_time_table(runs))),
        render_section('Made with', render_list(_origin(runs))),
    ]
    page = render_page(f'Pipeline: {", ".join(run.name for run in runs)}', sections)
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding='utf-8')
    return Path(path)


def _mean_iou_table(runs: Sequence[PipelineRun]) -> Table:
    columns = [mean_iou_rows(run) for run in runs]
    names = dict.fromkeys(name for column in reversed(columns) for name in column)
    head = ['', *(run.name for run in runs)]
    rows = [[name, *(_number(column.get(name), 2) for column in columns)] for name in names]
    if len(runs) == 2:
        head.append('difference')
        for row in rows:
            pair = [column[row[0]] for column in columns if row[0] in column]
            row.append(f'{pair[1] - pair[0]:+.2f}' if len(pair) == 2 else _NO_VALUE)
    return Table(head, rows)


def _notes(runs: Sequence[PipelineRun]) -> str:
    """Say what the figures are of; a note that is true of several runs stands once."""
    kinds = (_seed_notes, _refine_notes, _mask_notes, _test_notes)
    notes = [note for notes_of in kinds for run in runs for note in notes_of(run)]
    if len(runs) == 2 and any(mean_iou_rows(run) for run in runs):
        notes.append(f'The difference is {runs[1].name} minus {runs[0].name}.')
    return render_list(list(dict.fromkeys(notes)))


def _seed_notes(run: PipelineRun) -> list[str]:
    stage = seed_scores(run)
    if stage is None:
        return []
    figures = run.records[stage.name]['figures']
    split = f' of the split "{figures["split"]}"' if figures.get('split') else ''
    notes = [
        f'Seeds: {_count(figures["images"])}{split}. The best background threshold was chosen on '
        'these same images, by their ground truth.'
    ]
    for source, curve in figures['sources'].items():
        best = curve['best']
        if best['at_border']:
            notes.append(
                f'{run.name}, {source}: the best threshold lies at a border of the sweep '
                f'({best["threshold"]:.2f}): the map hardly tells object from background.'
            )
    return notes


def _refine_notes(run: PipelineRun) -> list[str]:
    stage = last_stage(run, stages.RefineSeeds)
    if stage is None:
        return []
    figures = run.records[stage.name]['figures']
    threshold, power = figures['bg_threshold'], figures.get('bg_power')
    if power is not None:
        against = f'against the background (1 - max)^{power:g}'
    elif threshold is None:
        against = "against the seeds' own background"
    else:
        against = f'at the background threshold {threshold:.2f}'
    return [f'{run.name}: the pseudo masks were made from {figures["source"]} {against}.']


def _mask_notes(run: PipelineRun) -> list[str]:
    stage = last_stage(run, stages.EvaluateMasks)
    if stage is None:
        return []
    return [
        f'Pseudo masks: {_count(run.records[stage.name]["figures"]["masks"]["images"])}. Masks '
        'are judged before pixels are set to unsure (255); where some are, a second row counts '
        'these as background.'
    ]


def _test_notes(run: PipelineRun) -> list[str]:
    stage = last_stage(run, stages.Test)
    if stage is None:
        return []
    predictions = sum(1 for _ in run.workspace.folder(stage.name).glob('predictions/*.png'))
    return [f'Segmentor: tested on {_count(predictions)}.'] if predictions else []


def _curves(runs: Sequence[PipelineRun]) -> str:
    curves = {
        _curve_name(run, stage): run.records[stage.name]['figures']['sources']
        for run in runs
        for stage in (run.workspace.stages[name] for name in run.records)
        if isinstance(stage, stages.EvaluateSeeds)
    }
    if not any(curves.values()):
        return ''
    alt = 'mean IoU of the seeds against the background threshold, by run and source'
    return render_picture(draw_threshold_curves(curves), alt, lossless=True)


def _kl_curves(runs: Sequence[PipelineRun]) -> str:
    curves = {name: fit['kl'] for name, fit in _fits(runs).items()}
    if not curves:
        return ''
    alt = 'KL of the vision prototypes against the iteration, by run'
    return render_picture(draw_kl_curves(curves), alt, lossless=True)


def _kl_notes(runs: Sequence[PipelineRun]) -> str:
    notes = [
        f'{name}: {fit["rows"]} regions; KL {fit["kl_start"]:.3f} at the start, '
        f'{fit["kl_peak"]:.3f} at its peak, {fit["kl_end"]:.3f} at the end; gap '
        f'{fit["gap_before"]:.2f} before, {fit["gap_after"]:.2f} after.'
        for name, fit in _fits(runs).items()
    ]
    return render_list(notes) if notes else ''


def _fits(runs: Sequence[PipelineRun]) -> dict[str, Any]:
    """Return what `VisionPrototypeHook` wrote, by run."""
    files = [
        (run.name, run.workspace.folder(name) / KL_CURVE_FILE)
        for run in runs
        for name in run.records
        if isinstance(run.workspace.stages[name], stages.Train)
    ]
    return {
        name: json.loads(file.read_text(encoding='utf-8')) for name, file in files if file.is_file()
    }


def _curve_name(run: PipelineRun, stage: stages.EvaluateSeeds) -> str:
    return run.name if stage is seed_scores(run) else f'{run.name}, {stage.title}'


def _class_table(runs: Sequence[PipelineRun]) -> Table:
    groups = [(run.name, _class_columns(run)) for run in runs]
    columns = [values for _, group in groups for values in group.values()]
    names = dict.fromkeys(name for values in columns for name in values)
    return Table(
        ['', *(kind for _, group in groups for kind in group)],
        [[name, *(_number(values.get(name), 1) for values in columns)] for name in names],
        [(name, len(group)) for name, group in groups if group],
    )


def _class_columns(run: PipelineRun) -> dict[str, dict[str, float | None]]:
    """Return the IoU by class of what is judged, by what it is of."""
    columns = {}
    judges = (
        seed_scores(run),
        last_stage(run, stages.EvaluateMasks),
        last_stage(run, stages.Test),
    )
    for stage in judges:
        figures: dict[str, Any] = run.records[stage.name]['figures'] if stage else {}
        for source, curve in figures.get('sources', {}).items():
            columns[source] = curve['best']['IoU']
        if 'masks' in figures:
            columns['pseudo masks'] = figures['masks']['IoU']
        if 'IoU' in figures:
            columns['segmentor'] = figures['IoU']
    return columns


def _training_section(runs: Sequence[PipelineRun], num_images: int) -> str:
    images = seed_images(runs)
    if images is None:
        return ''
    heading = 'Training images'
    if not images.infos:
        return render_section(heading, render_paragraph('The runs have no image in common.'))
    shown = heatmap_colors(np.linspace(0, 1, _SCALE_COLORS))
    colors = list(class_legend([str(index) for index in range(_SCALE_COLORS)], shown).values())
    text = 'Maps over the photograph, class by class; the scale is the same for all.'
    if any(seed_scores(run) for run in runs):
        text += ' White line: the best background threshold of the run.'
    return render_section(
        heading,
        render_paragraph(text),
        render_scale(colors, 'map 0', '1'),
        _legend(images, 'unsure (pseudo mask) or not labelled (ground truth)'),
        *render_training_pictures(runs, images, num_images),
    )


def _test_section(runs: Sequence[PipelineRun], num_images: int) -> str:
    images = prediction_images(runs)
    if images is None or not images.infos:
        return ''
    return render_section(
        'Test images',
        render_paragraph('What the trained segmentors predict for images they have not seen.'),
        _legend(images, 'not labelled (ground truth)'),
        render_test_pictures(runs, images, num_images),
    )


def _legend(images: Images, hatched: str) -> str:
    colors = class_legend(images.classes, images.palette)
    return render_legend({name: colors[name] for name in images.classes[1:]}, hatched)


def _time_table(runs: Sequence[PipelineRun]) -> Table:
    names = dict.fromkeys(name for run in reversed(runs) for name in run.records)
    seconds = [{name: record['seconds'] for name, record in run.records.items()} for run in runs]
    rows = [[name, *(_duration(column.get(name)) for column in seconds)] for name in names]
    if rows:
        rows.append(['total', *(_duration(sum(column.values())) for column in seconds)])
    return Table(['stage', *(run.name for run in runs)], rows)


def _origin(runs: Sequence[PipelineRun]) -> list[str]:
    """Name the configs and the versions."""
    lines = []
    for run in runs:
        done = [run.workspace.stages[name] for name in run.records]
        own = [stage.config for stage in done if isinstance(stage, stages.Train)]
        configs = [run.workspace.config.filename, *own]
        names = dict.fromkeys(Path(name).name for name in configs if name)
        lines.append(f'{run.name}: {", ".join(names)}')
    records = [record for run in runs for record in run.records.values()]
    versions = {record.get('versions', {}).get('mmwsss', mmwsss.__version__) for record in records}
    return [*lines, f'mmwsss {", ".join(sorted(versions or {mmwsss.__version__}))}']


def _number(value: float | None, digits: int) -> str:
    return _NO_VALUE if value is None else f'{value:.{digits}f}'


def _count(images: int) -> str:
    return f'{images} image{"s" if images != 1 else ""}'


def _duration(seconds: float | None) -> str:
    return _NO_VALUE if seconds is None else format_duration(seconds)
