"""The table at the end of a run."""

from collections.abc import Sequence

from prettytable import PrettyTable

from .run import PipelineRun


def mean_iou_rows(run: PipelineRun) -> dict[str, float]:
    """Return every mean IoU of a run in percent, by what it is of, in the order of the stages."""
    rows: dict[str, float] = {}
    for name, record in run.records.items():
        rows.update(run.workspace.stages[name].rows(record['figures']))
    return rows


def format_table(runs: Sequence[PipelineRun]) -> str:
    """Return the mean IoUs of several runs side by side, as text."""
    columns = [mean_iou_rows(run) for run in runs]
    names = list(dict.fromkeys(name for column in reversed(columns) for name in column))
    table = PrettyTable(['mIoU', *(run.name for run in runs)], align='r')
    table.align['mIoU'] = 'l'
    for name in names:
        values = [column.get(name) for column in columns]
        table.add_row([name, *('-' if value is None else f'{value:.2f}' for value in values)])
    return str(table)
