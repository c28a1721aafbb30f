"""Finding what a run has left in its work folder."""

from pathlib import Path

from mmengine.config import Config

from mmwsss.shipped import find_config

from .network import last_checkpoint
from .workspace import DONE, STARTED

_ORDERS = ('run.py',)  # what the processes of a training were started with, if it had several


def find_run(source: str | Path, root: str | Path = 'work_dirs') -> Path:
    """Return the work folder of a run.

    Args:
        source: That folder; or the config, as a path or the name of a shipped one, of a run in
            ``<root>/<name of the config>``.
        root: Folder of the runs.

    Raises:
        FileNotFoundError: There is no such folder or config, or the config has not been run.
    """
    if Path(source).is_dir():
        return Path(source)
    try:
        config = find_config(source)
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{source} is no work folder of a run, and {error}') from error
    folder = Path(root) / config.stem
    if not folder.is_dir():
        raise FileNotFoundError(
            f'there is no run of {source} in {folder}: `mmwsss run {source}` makes it; of a run '
            'elsewhere give the work folder'
        )
    return folder


def find_segmentor(source: str | Path, root: str | Path = 'work_dirs') -> tuple[Config, Path]:
    """Find the segmentor of a run whose training ended last.

    Args:
        source: As for `find_run`; or the folder of a training alone.
        root: Folder of the runs.

    Returns:
        The config that it was trained with, and its last checkpoint.

    Raises:
        FileNotFoundError: There is none, or its training has not ended.
    """
    folder = find_run(source, root)
    places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    segmentors = [
        (config, last_checkpoint(place))
        for place in places
        if (place / 'last_checkpoint').is_file()
        and (config := training_config(place))
        and 'decode_head' in config.model
    ]
    ended = [(config, file) for config, file in segmentors if _has_ended(file.parent)]
    if ended:
        return max(ended, key=lambda pair: pair[1].stat().st_mtime_ns)
    if segmentors:
        raise FileNotFoundError(
            f'the training in {segmentors[0][1].parent} has not ended: `mmwsss run` with the same '
            'config goes on'
        )
    raise FileNotFoundError(
        f'{folder} has no trained segmentor: run all stages of its config, or give the folder of '
        'a training'
    )


def training_config(folder: Path) -> Config | None:
    """Return the whole config that a training has left in its folder, or None."""
    files = sorted(folder.glob('*.py'), key=lambda path: path.stat().st_mtime_ns)
    files = [path for path in files if path.name not in _ORDERS] or files
    return Config.fromfile(files[-1]) if files else None


def _has_ended(folder: Path) -> bool:
    """Whether a training is done; one that is no stage leaves no record, and counts as done."""
    return (folder / DONE).is_file() or not (folder / STARTED).is_file()
