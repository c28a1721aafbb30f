"""Making an item: its runs, then its table or its figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmwsss.pipeline.vectors import has_scikit_learn
from mmwsss.structures import atomic_path
from mmwsss.terminal import show
from mmwsss.visualization import save_figure

from .figures import EMBEDDINGS, KINDS
from .items import SCALES, Item
from .runs import RowRun, State
from .tables import describe, format_csv, format_markdown, table_of


@dataclass(frozen=True)
class Written:
    """What came out.

    Attributes:
        text: For the terminal.
        paths: The files that were written.
    """

    text: str
    paths: list[Path]


def reproduce(
    item: Item, scale: str, runs: Mapping[str, RowRun], gpus: int = 1, processes: int = 1
) -> Written:
    """Run what is not done, and write the item.

    Args:
        item: Table or figure.
        scale: Of the runs.
        runs: What `plan` returned.
        gpus: Processes that train and make seeds.
        processes: Processes of the offline stages.

    Returns:
        The paths ``<work_dir>/<scale>/<paper>_<item>_seed<seed>`` with ``.md`` and ``.csv`` where
        there are numbers, ``.svg`` and ``.png`` of a figure. Tables are written after every row, so
        that one that is cut off has what is there.

    Raises:
        ImportError: The figure needs scikit-learn, which is not installed; said before any run.
    """
    if item.kind in EMBEDDINGS and not has_scikit_learn():
        raise ImportError(
            f'{item.paper} {item.name} needs scikit-learn: pip install -r '
            'requirements/figures.txt, or mmwsss[figures]'
        )
    written = Written('', [])
    states = {label: run.state() for label, run in runs.items()}
    for label, run in runs.items():
        if states[label].pending:
            run.run(gpus, processes)
            states[label] = run.state()
        written = _write_table(item, scale, runs, states) if _has_numbers(item) else written
    if item.kind != 'table':
        show(f'{item.paper} {item.name}: drawing')
        figure = KINDS[item.kind](item, scale, runs, states)
        paths = save_figure(figure, _stem(item, scale, runs))
        text = written.text or '\n\n'.join(
            describe(item, scale, _any(runs).seed, _any(runs).shared)
        )
        written = Written(text, [*written.paths, *paths])
    return written


def describe_plan(item: Item, scale: str, runs: Mapping[str, RowRun]) -> str:
    """Say which runs are done, and which stages the others lack."""
    lines = [f'{item.paper} {item.name} on {SCALES[scale][0]}, which needs {SCALES[scale][1]}:']
    for label, run in runs.items():
        pending = run.state().pending
        state = f'to run: {", ".join(pending)}' if pending else 'done'
        lines.append(f'  {label}: {run.root}: {state}')
    return '\n'.join(lines)


def _has_numbers(item: Item) -> bool:
    return any(columns for row in item.rows.values() for columns in row.measured.values())


def _write_table(
    item: Item, scale: str, runs: Mapping[str, RowRun], states: Mapping[str, State]
) -> Written:
    head, rows = table_of(item, scale, states)
    run = _any(runs)
    texts = {
        '.md': format_markdown(describe(item, scale, run.seed, run.shared), head, rows),
        '.csv': format_csv(head, rows),
    }
    paths = []
    for suffix, text in texts.items():
        paths.append(_stem(item, scale, runs).with_suffix(suffix))
        with atomic_path(paths[-1]) as temporary:
            temporary.write_text(text, encoding='utf-8')
    return Written(texts['.md'].rstrip('\n'), paths)


def _any(runs: Mapping[str, RowRun]) -> RowRun:
    return next(iter(runs.values()))


def _stem(item: Item, scale: str, runs: Mapping[str, RowRun]) -> Path:
    run = _any(runs)
    return run.work_dir / scale / f'{item.paper}_{item.name}_seed{run.seed}'
