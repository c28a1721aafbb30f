"""Running one stage: skipped when done and unchanged, resumed when cut off."""

import platform
import shutil
import time
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

import mmwsss
from mmwsss.structures import flush_folder, naming_full_disk
from mmwsss.terminal import show_stage, stage_line

from .memory import PeakMemory
from .stages.base import Stage
from .workspace import DONE, STARTED, Workspace, content_hash, read_record, write_record


def execute(stage: Stage, workspace: Workspace) -> dict[str, Any]:
    """Run a stage unless it is done and unchanged; return the content of its `DONE` file.

    Raises:
        FileNotFoundError: An input stage has not been run.
        FileExistsError: The folder holds files that no stage has put there, or those of another
            config of the same name.
    """
    folder = workspace.folder(stage.name)
    key = stage_key(stage, workspace)
    done = read_record(folder / DONE)
    if done.get('key') == key:
        print_log(f'[{stage.name}] done and unchanged: skipped', logger='current')
        show_stage(stage.name, 'done and unchanged: skipped')
        return done
    started = read_record(folder / STARTED)
    resume = started.get('key') == key
    start = 'goes on'
    if not resume:
        _refuse_other_config(folder, started, workspace)
        changed = _clear(folder, stage.name)
        start = 'starts over, as its recipe or its inputs changed' if changed else 'starts'
        write_record(folder / STARTED, started_record(key, workspace))
    print_log(f'[{stage.name}] {start}', logger='current')
    begin, memory = time.time(), PeakMemory()
    with stage_line(stage.name, folder, start) as line, naming_full_disk(folder):
        figures = stage.run(workspace, resume)
        line.result = stage.summary(figures)
    return record_done(stage, workspace, figures, time.time() - begin, memory.megabytes())


def record_done(
    stage: Stage,
    workspace: Workspace,
    figures: dict[str, Any],
    seconds: float,
    memory: dict[str, float],
) -> dict[str, Any]:
    """Write the file that says that a stage is done, last of all; return its content.

    Args:
        stage: That has run.
        workspace: Where.
        figures: That it returned.
        seconds: That it took.
        memory: As `PeakMemory.megabytes` gives it.
    """
    record = {
        'type': type(stage).__name__,
        'key': stage_key(stage, workspace),
        'figures': figures,
        'seconds': round(seconds, 1),
        'memory': memory,
        'versions': {'mmwsss': mmwsss.__version__, 'python': platform.python_version()},
    }
    folder = workspace.folder(stage.name)
    flush_folder(folder)  # a power cut after the record must find what it speaks of
    write_record(folder / DONE, record)
    return record


def stage_key(stage: Stage, workspace: Workspace) -> str:
    """Return the hash of a stage's recipe and of its inputs' keys.

    Raises:
        FileNotFoundError: An input stage has not been run.
    """
    keys = {}
    for name in stage.inputs():
        record = read_record(workspace.folder(name) / DONE)
        if not record:
            raise FileNotFoundError(
                f'stage {stage.name!r} reads {workspace.folder(name)}, which is not finished: run '
                f'`mmwsss run {workspace.config.filename or "CONFIG"} --until {name}` first'
            )
        keys[name] = record['key']
    content = {'type': type(stage).__name__, 'recipe': stage.recipe(workspace), 'inputs': keys}
    return content_hash(content)


def started_record(key: str, workspace: Workspace) -> dict[str, Any]:
    """Return what says that a stage has begun: its key, and the file of the config."""
    return {'key': key, 'config': str(Path(workspace.config.filename or '').resolve())}


def _refuse_other_config(folder: Path, started: dict[str, Any], workspace: Workspace) -> None:
    """Raise FileExistsError if a folder that would be emptied is another config's.

    A config that is no longer where it was has been moved, or renamed.
    """
    before = Path(started.get('config') or '')
    own = Path(workspace.config.filename or '').resolve()
    if before.is_file() and before != own:
        raise FileExistsError(
            f'{folder} holds the work of {before}, which has the same name as {own}: rename one of '
            'the configs, or choose another --work-dir'
        )


def _clear(folder: Path, name: str) -> bool:
    """Empty a stage's folder whose recipe or inputs have changed; say whether it held anything."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return False
    if not (folder / STARTED).is_file():
        raise FileExistsError(
            f'{folder} holds files of something else than the stage {name!r}: '
            'move them away, or choose another --work-dir'
        )
    # in an order in which a clean-up that is cut off leaves neither a stage that looks done nor a
    # folder that looks foreign
    (folder / DONE).unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != STARTED:
            path.unlink()
    shutil.rmtree(folder)
    return True
