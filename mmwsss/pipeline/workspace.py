"""Where a run works, and the records that its stages leave there."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.config import Config

from mmwsss.structures import atomic_path

if TYPE_CHECKING:
    from .stages.base import Stage
    from .stages.crew import Crew

DONE = 'done.json'
STARTED = 'started.json'


@dataclass
class Workspace:
    """What all stages of one run share.

    Attributes:
        config: The config with the stages.
        root: Folder of the run; a stage works in the subfolder of its name.
        stages: The stages by name, in the order that they run in.
        gpus: Processes that train and make seeds.
        processes: Processes of the offline stages.
        crew: Those that a launcher has started, of which this is the first; None without one.
        notes: What is odd and does not stop the run, see `note`.
    """

    config: Config
    root: Path
    stages: dict[str, 'Stage'] = field(default_factory=dict)
    gpus: int = 1
    processes: int = 1
    crew: 'Crew | None' = None
    notes: dict[str, None] = field(default_factory=dict)  # an ordered set

    def note(self, text: str | None) -> None:
        """Keep a sentence for the user, which is shown once before the first stage."""
        if text:
            self.notes[text] = None

    def folder(self, name: str) -> Path:
        """Return the folder of the stage `name`."""
        return self.root / name

    def corrected(self, name: str) -> Path:
        """Return the folder of the masks that a person has corrected of the stage `name`.

        It lies beside the stages, whose own folders are emptied when they start over.
        """
        return self.root / 'corrected' / name

    def network_config(self, name: str | None) -> Config | None:
        """Return the config of the network that the stage `name` trains; None if it trains none."""
        stage = self.stages.get(name or '')
        return stage.network_config(self) if stage else None


def read_record(path: Path) -> dict[str, Any]:
    """Read a JSON record; an absent or damaged one is empty."""
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON record in one piece, which no power cut leaves empty."""
    with atomic_path(path, durable=True) as temporary:
        temporary.write_text(json.dumps(record, indent=2, sort_keys=True) + '\n', encoding='utf-8')


def content_hash(content: object) -> str:
    """Return the hash of a tree of plain values."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_hash(path: str | Path) -> str:
    """Return the hash of a file's content, or say that it is absent."""
    path = Path(path)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else 'absent'


def folder_hash(folder: Path) -> str:
    """Return the hash of the names and contents of a folder's files."""
    return content_hash({path.name: file_hash(path) for path in folder.iterdir()})


def named_files(part: Any, where: str = '') -> dict[str, str]:
    """Return the hashes of the files that a part of a config names, by the place of their names.

    Whatever text is the path of a file counts: weights of a backbone or a head, the vectors of a
    CLIP's texts, fitted prototypes, a list of names.

    Args:
        part: Dicts, lists and values.
        where: What the places begin with.
    """
    if isinstance(part, Mapping):
        entries: Any = part.items()
    elif isinstance(part, list | tuple):
        entries = enumerate(part)
    else:
        # unlike those of pathlib, these take any text, however long
        path = os.path.expanduser(part) if isinstance(part, str) else ''  # noqa: PTH111
        return {where: file_hash(path)} if os.path.isfile(path) else {}  # noqa: PTH113
    found: dict[str, str] = {}
    for key, value in entries:
        found |= named_files(value, f'{where}.{key}' if where else str(key))
    return found
