"""What a stage of the pipeline is, and the files that make it skippable and resumable."""

import hashlib
import json
import platform
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mmengine.config import Config
from mmengine.logging import print_log

import mmwsss
from mmwsss.structures import atomic_path

DONE = 'done.json'
STARTED = 'started.json'


@dataclass
class Workspace:
    """What all stages of one run share.

    Attributes:
        config: The pipeline's config.
        root: Folder of the run; a stage works in the subfolder of its name.
        stages: The stages by name, in order.
        gpus: Processes that train and make seeds.
        processes: Processes of the offline stages.
    """

    config: Config
    root: Path
    stages: dict[str, 'Stage'] = field(default_factory=dict)
    gpus: int = 1
    processes: int = 1

    def folder(self, name: str) -> Path:
        """Return the folder of the stage `name`."""
        return self.root / name


class Stage(ABC):
    """One step from files to files.

    A subclass lists in `takes` which of its options name earlier stages.

    Args:
        name: Of the stage and of its folder.
    """

    takes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str) -> None:
        self.name = name

    def inputs(self) -> list[str]:
        """Return the names of the earlier stages whose files this one reads."""
        return [getattr(self, option) for option in self.takes if getattr(self, option)]

    def check(self, workspace: Workspace) -> None:  # noqa: B027 (nothing to check by default)
        """Raise an error in one sentence if the stage cannot work; called before all stages."""

    def seed_sources(self, workspace: Workspace) -> tuple[str, ...]:
        """Return which maps the seeds of this stage have; none if it writes no seeds."""
        return ()

    @abstractmethod
    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Return all that decides the stage's files beside its inputs, as JSON."""

    @abstractmethod
    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Do the work; return figures (JSON) for the table.

        Args:
            workspace: Of the run.
            resume: The folder holds the beginnings of the same work.
        """


def execute(stage: Stage, workspace: Workspace) -> dict[str, Any]:
    """Run a stage unless it is done and unchanged; return the content of its `DONE` file.

    Raises:
        FileNotFoundError: An input stage has not been run.
        FileExistsError: The folder holds files that no stage has put there.
    """
    folder = workspace.folder(stage.name)
    key = stage_key(stage, workspace)
    done = read_record(folder / DONE)
    if done.get('key') == key:
        print_log(f'[{stage.name}] done and unchanged: skipped', logger='current')
        return done
    started = read_record(folder / STARTED)
    resume = started.get('key') == key
    if not resume:
        _clear(folder, stage.name)
        write_record(folder / STARTED, {'key': key})
    print_log(f'[{stage.name}] {"goes on" if resume else "starts"}', logger='current')
    begin = time.time()
    figures = stage.run(workspace, resume)
    return record_done(stage, workspace, figures, time.time() - begin)


def record_done(
    stage: Stage, workspace: Workspace, figures: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Write the file that says that a stage is done, last of all; return its content."""
    record = {
        'type': type(stage).__name__,
        'key': stage_key(stage, workspace),
        'figures': figures,
        'seconds': round(seconds, 1),
        'versions': {'mmwsss': mmwsss.__version__, 'python': platform.python_version()},
    }
    write_record(workspace.folder(stage.name) / DONE, record)
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
                f'`python tools/run_pipeline.py {workspace.config.filename or "CONFIG"} --until '
                f'{name}` first'
            )
        keys[name] = record['key']
    content = {'type': type(stage).__name__, 'recipe': stage.recipe(workspace), 'inputs': keys}
    return content_hash(content)


def read_record(path: Path) -> dict[str, Any]:
    """Read a JSON record; an absent or damaged one is empty."""
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON record in one piece."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(record, indent=2, sort_keys=True) + '\n', encoding='utf-8')


def content_hash(content: object) -> str:
    """Return the hash of a tree of plain values."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_hash(path: str | Path) -> str:
    """Return the hash of a file's content, or say that it is absent."""
    path = Path(path)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else 'absent'


def _clear(folder: Path, name: str) -> None:
    """Empty a stage's folder whose recipe or inputs have changed."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / STARTED).is_file():
        raise FileExistsError(
            f'{folder} holds files of something else than the stage {name!r}: '
            'move them away, or choose another --work-dir'
        )
    print_log(f'[{name}] its recipe or its inputs changed: starting over', logger='current')
    shutil.rmtree(folder)
