"""The curves of a report: thresholds, losses and rates, the KL of vision prototypes."""

import json
from collections.abc import Sequence
from typing import Any

from mmwsss.engine.vision_prototypes import KL_CURVE_FILE
from mmwsss.pipeline import stages
from mmwsss.pipeline.report_pictures import last_stage, seed_scores
from mmwsss.pipeline.run import PipelineRun

from .charts import Chart, Series, draw_chart
from .training_log import read_training_log

_DASHES = {'cam': '', 'pacam': '7 4', 'sum': '2 4'}
_OTHER_DASHES = '9 3 2 3'
_TOTAL = 'loss'


def threshold_chart(runs: Sequence[PipelineRun]) -> Chart | None:
    """Draw the mean IoU of the seeds at every background threshold, and what was chosen."""
    series: list[Series] = []
    rules: list[tuple[float, str]] = []
    for color, run in enumerate(runs):
        for stage in _done(run, stages.EvaluateSeeds):
            owner = run.name if stage is seed_scores(run) else f'{run.name}, {stage.title}'
            for source, curve in run.records[stage.name]['figures']['sources'].items():
                best = curve['best']
                series.append(
                    Series(
                        f'{owner}, {source}: {best["mIoU"]:.2f} at {best["threshold"]:.2f}',
                        curve['thresholds'],
                        curve['mIoU'],
                        color if len(runs) > 1 else len(series),
                        _DASHES.get(source, _OTHER_DASHES),
                        (best['threshold'], best['mIoU']),
                    )
                )
        refine = last_stage(run, stages.RefineSeeds)
        figures = run.records[refine.name]['figures'] if refine else {}
        if figures.get('bg_threshold') is not None:
            rules.append((figures['bg_threshold'], f'{run.name}: {figures["bg_threshold"]:.2f}'))
    return draw_chart(
        'Seeds at every background threshold',
        'background threshold',
        'mean IoU of the seeds (%)',
        series,
        rules,
    )


def separation_chart(runs: Sequence[PipelineRun]) -> Chart | None:
    """Draw the curve that ``bg_threshold='auto'`` took its maximum of, without ground truth."""
    series: list[Series] = []
    for color, run in enumerate(runs):
        for stage in _done(run, stages.RefineSeeds):
            figures = run.records[stage.name]['figures']
            if curve := figures.get('auto'):
                threshold = curve['threshold']
                owner = stage.name if len(runs) == 1 else f'{run.name}, {stage.name}'
                series.append(
                    Series(
                        f'{owner}, {figures["source"]}: {threshold:.2f}',
                        curve['thresholds'],
                        curve['separation'],
                        color if len(runs) > 1 else len(series),
                        _DASHES.get(figures['source'], _OTHER_DASHES),
                        (threshold, max(curve['separation'])),
                    )
                )
    return draw_chart(
        'Separation of the scores at every background threshold',
        'background threshold',
        'variance between the sides (1: largest)',
        series,
    )


def training_charts(runs: Sequence[PipelineRun]) -> list[dict[str, Any]]:
    """Draw loss and learning rate of every training, runs over each other."""
    names = dict.fromkeys(stage.name for run in runs for stage in _done(run, stages.Train))
    charts = []
    for name in names:
        losses, rates = [], []
        for color, run in enumerate(runs):
            if name not in run.records:
                continue
            log = read_training_log(run.workspace.folder(name))
            for part, (what, values) in enumerate(log.losses.items()):
                label = what if len(runs) == 1 else f'{run.name}, {what}'
                shade = color if len(runs) > 1 else part
                dashes = '' if what == _TOTAL else _OTHER_DASHES if len(runs) > 1 else '7 4'
                losses.append(Series(label, log.steps, values, shade, dashes))
            if log.rate:
                rates.append(Series(run.name, log.steps, log.rate, color))
        loss = draw_chart(f'{name}: loss', 'iteration', 'loss', losses)
        rate = draw_chart(f'{name}: learning rate', 'iteration', 'learning rate', rates)
        if loss:
            charts.append({'name': name, 'charts': [chart for chart in (loss, rate) if chart]})
    return charts


def kl_chart(runs: Sequence[PipelineRun]) -> Chart | None:
    """Draw the KL of the fits of vision prototypes (VPL) against their evaluations."""
    series = [
        Series(
            f'{name}: {fit["kl"][0]:.3g}, at most {max(fit["kl"]):.3g}, in the end '
            f'{fit["kl"][-1]:.3g}',
            list(range(1, len(fit['kl']) + 1)),
            fit['kl'],
            color,
        )
        for color, (name, fit) in enumerate(prototype_fits(runs).items())
    ]
    title = 'KL of text and vision'
    return draw_chart(title, 'evaluation of the KL', 'mean KL (nats)', series, log=True)


def prototype_fits(runs: Sequence[PipelineRun]) -> dict[str, Any]:
    """Return what `mmwsss.engine.VisionPrototypeHook` wrote, by run."""
    files = [
        (run.name, run.workspace.folder(stage.name) / KL_CURVE_FILE)
        for run in runs
        for stage in _done(run, stages.Train)
    ]
    return {
        name: json.loads(file.read_text(encoding='utf-8')) for name, file in files if file.is_file()
    }


def _done(run: PipelineRun, kind: type) -> list[Any]:
    done = (run.workspace.stages[name] for name in run.records)
    return [stage for stage in done if isinstance(stage, kind)]
