"""The tables and sentences of a report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mmwsss
from mmwsss.pipeline import stages
from mmwsss.pipeline.memory import format_memory
from mmwsss.pipeline.report_pictures import last_stage, prediction_folder, seed_scores
from mmwsss.pipeline.run import PipelineRun
from mmwsss.pipeline.table import mean_iou_rows
from mmwsss.terminal import format_duration

from .curves import prototype_fits
from .gallery import TRAINING, ImageSet, Judged
from .judging import class_iou, largest_confusions

_NO_VALUE = '-'
_PAIRS = 12  # confusions that are named
_MATRIX_CLASSES = 40  # more do not fit on a screen
_WHAT = {'training': 'Pseudo masks', 'test': 'Segmentor'}


def mean_iou_table(runs: Sequence[PipelineRun]) -> dict[str, Any]:
    """Return every mean IoU, a column a run; of two runs their difference, too."""
    columns = [mean_iou_rows(run) for run in runs]
    names = dict.fromkeys(name for column in reversed(columns) for name in column)
    head = [run.name for run in runs]
    rows = [[name, *(_number(column.get(name), 2) for column in columns)] for name in names]
    if len(runs) == 2:
        head.append('difference')
        for row in rows:
            pair = [column[row[0]] for column in columns if row[0] in column]
            row.append(f'{pair[1] - pair[0]:+.2f}' if len(pair) == 2 else _NO_VALUE)
    return {'head': head, 'rows': rows}


def notes(runs: Sequence[PipelineRun]) -> list[str]:
    """Say what the figures are of; a note that is true of several runs stands once."""
    kinds = (_seed_notes, _refine_notes, _mask_notes, _test_notes)
    found = [note for notes_of in kinds for run in runs for note in notes_of(run)]
    if len(runs) == 2 and any(mean_iou_rows(run) for run in runs):
        found.append(f'The difference is {runs[1].name} minus {runs[0].name}.')
    if not any(mean_iou_rows(run) for run in runs):
        found.append(
            'Nothing was judged by ground truth. What can be said without it: how the masks agree '
            'with the image labels, and whether a class is as large as it usually is.'
        )
    return list(dict.fromkeys(found))


def _seed_notes(run: PipelineRun) -> list[str]:
    stage = seed_scores(run)
    if stage is None:
        return []
    figures = run.records[stage.name]['figures']
    split = f' of the split "{figures["split"]}"' if figures.get('split') else ''
    found = [
        f'Seeds: {_count(figures["images"])}{split}. The best background threshold was chosen on '
        'these same images, by their ground truth.'
    ]
    for source, curve in figures['sources'].items():
        best = curve['best']
        if best['at_border']:
            found.append(
                f'{run.name}, {source}: the best threshold lies at a border of the sweep '
                f'({best["threshold"]:.2f}): the map hardly tells object from background.'
            )
    return found


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
        chosen = ', chosen by the scores of the seeds alone' if figures.get('auto') else ''
        against = f'at the background threshold {threshold:.2f}{chosen}'
    found = [f'{run.name}: the pseudo masks were made from {figures["source"]} {against}.']
    corrected = len(list(run.workspace.corrected(stage.name).glob('*.png')))
    if corrected:
        found.append(f'{run.name}: masks of {_count(corrected)} were corrected by a person.')
    return found


def _mask_notes(run: PipelineRun) -> list[str]:
    stage = last_stage(run, stages.EvaluateMasks)
    if stage is None:
        return []
    return [
        f'Pseudo masks: {_count(run.records[stage.name]["figures"]["masks"]["images"])}. Masks '
        'are judged before pixels are set to unsure (255); where some are, a second row counts '
        'these as background, and so do classes, confusions and images below.'
    ]


def _test_notes(run: PipelineRun) -> list[str]:
    folder = prediction_folder(run)
    predictions = sum(1 for _ in folder.glob('*.png')) if folder else 0
    return [f'Segmentor: tested on {_count(predictions)}.'] if predictions else []


def class_table(
    runs: Sequence[PipelineRun], sets: Mapping[str, tuple[ImageSet, Judged]]
) -> dict[str, Any] | None:
    """Return IoU and counts of every class; None where nothing is known of classes.

    Without ground truth: how often the masks have a class that the image label names, and how much
    of an image it then is.
    """
    columns: list[dict[str, Any]] = []
    if TRAINING in sets:
        columns += _count_columns(*sets[TRAINING])
    for run in runs:
        columns += _iou_columns(run)
    names = dict.fromkeys(name for column in columns for name in column['values'])
    if not names:
        return None
    for column in columns:
        column['cells'] = [column['values'].get(name) for name in names]
    return {'names': list(names), 'columns': columns, 'colors': _colors(sets)}


def _colors(sets: Mapping[str, tuple[ImageSet, Judged]]) -> dict[str, str]:
    for image_set, _ in sets.values():
        known = image_set.images
        palette = known.palette.tolist()
        return {
            name: '#{:02x}{:02x}{:02x}'.format(*color)
            for name, color in zip(known.classes, palette, strict=False)
        }
    return {}


def _count_columns(image_set: ImageSet, judged: Judged) -> list[dict[str, Any]]:
    """Return how many images show a class, and what the masks have of it."""
    classes = image_set.images.classes
    labels = {image_id: image_set.labels(image_id) for image_id in image_set.ids}
    named = {
        name: sum(label in present for present in labels.values())
        for label, name in enumerate(classes)
        if label
    }
    columns = [_column('', 'images', named, 0)]
    if judged.areas:
        shares: dict[str, list[float]] = {name: [] for name in classes[1:]}
        for image_id, areas in judged.areas.items():
            for label in labels[image_id]:
                shares[classes[label]].append(float(areas[label] / areas.sum()))
        kept = {name: values for name, values in shares.items() if values}
        found = {
            name: 100 * float(np.mean([value > 0 for value in values]))
            for name, values in kept.items()
        }
        sizes = {
            name: 100 * float(np.mean([value for value in values if value]))
            for name, values in kept.items()
            if any(values)
        }
        columns.append(_column('', 'found in masks (% of them)', found, 0))
        columns.append(_column('', 'size (% of the image)', sizes, 1))
    return columns


def _iou_columns(run: PipelineRun) -> list[dict[str, Any]]:
    """Return the IoU by class of what is judged."""
    columns = []
    judges = (
        seed_scores(run),
        last_stage(run, stages.EvaluateMasks),
        last_stage(run, stages.Test),
    )
    for stage in judges:
        figures: dict[str, Any] = run.records[stage.name]['figures'] if stage else {}
        for source, curve in figures.get('sources', {}).items():
            columns.append(_column(run.name, source, curve['best']['IoU'], 1, bar=True))
        if 'masks' in figures:
            columns.append(_column(run.name, 'pseudo masks', figures['masks']['IoU'], 1, bar=True))
        if 'IoU' in figures:
            columns.append(_column(run.name, 'segmentor', figures['IoU'], 1, bar=True))
    return columns


def _column(
    run: str, name: str, values: Mapping[str, Any], digits: int, bar: bool = False
) -> dict[str, Any]:
    """Return a column: of each class its text, and a number to sort and to draw by."""
    cells = {
        key: {'text': _number(value, digits), 'value': -1.0 if value is None else float(value)}
        for key, value in values.items()
    }
    return {'run': run, 'name': name, 'values': cells, 'bar': bar}


def confusion_sections(sets: Mapping[str, tuple[ImageSet, Judged]]) -> list[dict[str, Any]]:
    """Return, of every run with ground truth, which classes are taken for which."""
    sections = []
    for kind, (image_set, judged) in sets.items():
        classes = image_set.images.classes
        for run, pairs in judged.pairs.items():
            rows = pairs.sum(axis=1, keepdims=True)
            shares = 100 * np.divide(pairs, rows, out=np.zeros(pairs.shape), where=rows > 0)
            shown = [label for label in range(len(classes)) if pairs[label].any()]
            columns = [
                label
                for label in range(len(classes))
                if pairs[label].any() or pairs[:, label].any()
            ]
            sections.append(
                {
                    'title': f'{_WHAT[kind]}, {run}',
                    'pairs': largest_confusions(pairs, classes, _PAIRS),
                    'rows': [classes[label] for label in shown],
                    'columns': [classes[label] for label in columns],
                    'shares': shares[np.ix_(shown, columns)].round(1).tolist()
                    if len(columns) <= _MATRIX_CLASSES
                    else None,
                    'missed': _missed(pairs, classes),
                }
            )
    return sections


def _missed(pairs: np.ndarray, classes: Sequence[str]) -> str:
    """Say of the class with the lowest IoU where its pixels went."""
    iou = class_iou(pairs)
    if not np.isfinite(iou[1:]).any():
        return ''
    worst = int(np.nanargmin(iou[1:])) + 1
    row, column = pairs[worst], pairs[:, worst]
    total = max(1, int(row.sum()))
    return (
        f'Lowest IoU: {classes[worst]}, {iou[worst]:.1f}. Of its pixels '
        f'{100 * row[worst] / total:.0f} % are right, {100 * row[0] / total:.0f} % are taken for '
        f'background; background that is taken for it makes '
        f'{100 * column[0] / max(1, int(column.sum())):.0f} % of what is called so.'
    )


def kl_notes(runs: Sequence[PipelineRun]) -> list[str]:
    """Say what the fits of vision prototypes came to."""
    return [
        f'{name}: {fit["rows"]} regions; KL {fit["kl_start"]:.3f} at the start, '
        f'{fit["kl_peak"]:.3f} at its peak, {fit["kl_end"]:.3f} at the end; gap '
        f'{fit["gap_before"]:.2f} before, {fit["gap_after"]:.2f} after.'
        for name, fit in prototype_fits(runs).items()
    ]


def resource_table(runs: Sequence[PipelineRun]) -> dict[str, Any]:
    """Return time and memory of every stage, and the time of all together."""
    names = dict.fromkeys(name for run in reversed(runs) for name in run.records)
    rows = []
    for name in names:
        cells = [name]
        for run in runs:
            record = run.records.get(name)
            seconds = record['seconds'] if record else None
            memory = (record or {}).get('memory') or {}
            cells += [_duration(seconds), format_memory(memory) or _NO_VALUE]
        rows.append(cells)
    totals = [sum(record['seconds'] for record in run.records.values()) for run in runs]
    if rows:
        last = [cell for total in totals for cell in (format_duration(total), '')]
        rows.append(['total', *last])
    return {'head': ['time', 'memory'], 'rows': rows}


def origin(runs: Sequence[PipelineRun]) -> list[str]:
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
