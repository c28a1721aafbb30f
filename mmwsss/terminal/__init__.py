"""What a terminal shows of a run: one line per stage; everything else goes into log files.

Nothing here acts by being imported: without a `Console` everything is printed as ever. It imports
nothing that takes time, so that a command can open its console before torch is imported.
"""

from .bars import Bar, progress, reporting, track
from .capture import captured_output, print_into
from .console import (
    Console,
    StageLine,
    erase_line,
    is_logged,
    log_file,
    show,
    show_run,
    show_stage,
    stage_line,
)
from .relay import end_with_parent, relayed_progress, run_and_follow
from .text import format_duration

__all__ = [
    'Bar',
    'Console',
    'StageLine',
    'captured_output',
    'end_with_parent',
    'erase_line',
    'format_duration',
    'is_logged',
    'log_file',
    'print_into',
    'progress',
    'relayed_progress',
    'reporting',
    'run_and_follow',
    'show',
    'show_run',
    'show_stage',
    'stage_line',
    'track',
]
