"""Finding what a run has left in its work folder."""

from pathlib import Path

from mmengine.config import Config

from mmwsss.shipped import find_config

from .config import load_config
from .network import last_checkpoint
from .run import config_name, open_workspace, run_folder
from .workspace import DONE, STARTED, Workspace

_ORDERS = ('run.py',)  # what the processes of a training were started with, if it had several


def find_run(source: str | Path, work_dir: str | Path | None = None) -> Path:
    """Return the work folder of a run.

    Args:
        source: That folder; or the config, as a path or the name of a shipped one.
        work_dir: As `mmwsss run` was given it: the run is in ``<work_dir>/<name of the config>``;
            in its `run_folder` when None.

    Raises:
        FileNotFoundError: There is no such folder or config, or the config has not been run there.
        ValueError: Two folders are given.
    """
    if Path(source).is_dir():
        if work_dir:
            raise ValueError(
                f'{source} is a folder, and --work-dir {work_dir} another: give one of them, or a '
                'config and --work-dir'
            )
        return Path(source)
    try:
        config = find_config(source)
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{source} is no work folder of a run, and {error}') from error
    loaded = load_config(config)
    folder = Path(work_dir) / config_name(loaded) if work_dir else run_folder(loaded)
    if not folder.is_dir():
        raise FileNotFoundError(
            f'there is no run of {source} in {folder.resolve()}: `mmwsss run {source}` makes it; '
            'of a run elsewhere give its folder, or --work-dir as `mmwsss run` had it'
        )
    return folder


def find_segmentor(source: str | Path) -> tuple[Config, Path]:
    """Find the segmentor of a run whose training ended last; see `find_network`."""
    return find_network(source, 'decode_head', 'segmentor')


def find_network(source: str | Path, part: str, what: str) -> tuple[Config, Path]:
    """Find the network of a run that has a part, of several the one whose training ended last.

    Args:
        source: As for `find_run`; or the folder of a training alone.
        part: Of the config's ``model``: ``decode_head``, or ``cam_head``; a one-stage network has
            both, and is a segmentor.
        what: Such a network is, for messages.

    Returns:
        The config that it was trained with, and its last checkpoint.

    Raises:
        FileNotFoundError: There is none, or its training has not ended.
    """
    folder = find_run(source)
    places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    trained = [
        (config, last_checkpoint(place))
        for place in places
        if (place / 'last_checkpoint').is_file()
        and (config := training_config(place))
        and part in config.model
        and (part == 'decode_head' or 'decode_head' not in config.model)
    ]
    ended = [(config, file) for config, file in trained if _has_ended(file.parent)]
    if ended:
        return max(ended, key=lambda pair: pair[1].stat().st_mtime_ns)
    if trained:
        raise FileNotFoundError(
            f'the training in {trained[0][1].parent} has not ended: `mmwsss run` with the same '
            'config goes on'
        )
    raise FileNotFoundError(
        f'{folder} has no trained {what}: run all stages of its config, or give the folder of '
        'a training'
    )


def open_run(source: str | Path, work_dir: str | Path | None = None) -> Workspace:
    """Open a run with the config that it was run with, changes of the command line included.

    Args:
        source: As for `find_run`.
        work_dir: As for `find_run`.

    Raises:
        FileNotFoundError: There is no such run, or its folder has no config and none is given.
        ValueError: The config is wrong, or two folders are given.
    """
    folder = find_run(source, work_dir)
    config = training_config(folder)
    if config is None:
        if Path(source).is_dir():
            raise FileNotFoundError(
                f'{folder} has no config, as a run leaves one: give the config of the run instead '
                'of its folder, or call `mmwsss run` once more'
            )
        config = load_config(source)
    return open_workspace(config, folder)


def training_config(folder: Path) -> Config | None:
    """Return the whole config that a training, or a run, has left in its folder, or None."""
    files = sorted(folder.glob('*.py'), key=lambda path: path.stat().st_mtime_ns)
    files = [path for path in files if path.name not in _ORDERS] or files
    return Config.fromfile(files[-1]) if files else None


def _has_ended(folder: Path) -> bool:
    """Whether a training is done; one that is no stage leaves no record, and counts as done."""
    return (folder / DONE).is_file() or not (folder / STARTED).is_file()
