"""Losses and learning rates of a training, from what mmengine has written in its folder."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SCALARS = '*/vis_data/scalars.json'
_RATE = 'lr'


@dataclass
class TrainingLog:
    """What was logged, by step.

    Attributes:
        steps: Ascending.
        losses: By name, as many as steps; nan where one was not logged.
        rate: Learning rate; empty if it was not logged.
    """

    steps: list[float] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    rate: list[float] = field(default_factory=list)


def read_training_log(folder: Path) -> TrainingLog:
    """Read the log of a training, of all the times that it was started or went on.

    Of a step that was logged twice, because a training was cut off after it, the later one counts.

    Args:
        folder: That the training works in.
    """
    entries: dict[float, dict[str, Any]] = {}
    for path in sorted(folder.glob(_SCALARS)):
        entries |= {entry['step']: entry for entry in _entries(path)}
    steps = sorted(entries)
    names = list(dict.fromkeys(name for step in steps for name in entries[step]))
    losses = [name for name in names if 'loss' in name]
    nan = float('nan')
    return TrainingLog(
        [float(step) for step in steps],
        {name: [float(entries[step].get(name, nan)) for step in steps] for name in losses},
        [float(entries[step].get(_RATE, nan)) for step in steps] if _RATE in names else [],
    )


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries that have a loss; a line that was cut off is no entry."""
    for line in path.read_text(encoding='utf-8').splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and 'step' in entry and any('loss' in name for name in entry):
            yield entry
