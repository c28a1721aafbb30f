"""What comes with the package beside its code: configs, tools, the model index."""

import difflib
import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped_root() -> Path:
    """Return the folder with ``configs/``: ``.mim`` of an installed package, or the checkout.

    Raises:
        FileNotFoundError: There is neither.
    """
    for root in (_PACKAGE / '.mim', _PACKAGE.parent):
        if (root / 'configs' / '_base_').is_dir():
            return root
    raise FileNotFoundError(
        f'{_PACKAGE} has no configs beside it: install mmwsss from its wheel or its checkout'
    )


def shipped_configs() -> list[Path]:
    """List the configs that come with the package, sorted; without the parts in ``_base_``."""
    paths = (shipped_root() / 'configs').rglob('*.py')
    return sorted(path for path in paths if '_base_' not in path.parts)


def shipped_backbones() -> list[str]:
    """List the names that ``--backbone`` takes, sorted: those of ``configs/_base_/backbones/``."""
    return sorted(path.stem for path in backbone_folder().glob('*.py'))


def backbone_folder() -> Path:
    """Return the folder with a file for each of `shipped_backbones`."""
    return shipped_root() / 'configs' / '_base_' / 'backbones'


def find_config(name: str | os.PathLike[str], kind: str = 'config') -> Path:
    """Find a config.

    Args:
        name: A path; or of a shipped one its path in ``configs/`` or its file name, with or
            without ``.py``.
        kind: What it is, for messages.

    Raises:
        FileNotFoundError: There is no such config; with those whose names are near.
        ValueError: Several shipped ones have this name.

    Example:
        >>> find_config('irn_cpal_voc').relative_to(shipped_root()).as_posix()
        'configs/cpal/irn_cpal_voc.py'
    """
    if Path(name).is_file():
        return Path(name)
    folder = shipped_root() / 'configs'
    wanted = Path(name).with_suffix('.py').as_posix()
    shipped = {path.relative_to(folder).as_posix(): path for path in shipped_configs()}
    inside = wanted.removeprefix('./').removeprefix('configs/')
    if inside in shipped:
        return shipped[inside]
    same = [path for path in shipped if Path(path).name == wanted]
    if len(same) > 1:
        raise ValueError(f'{len(same)} shipped {kind}s are called {name}: {", ".join(same)}')
    if same:
        return shipped[same[0]]
    stems = {Path(path).stem: path for path in shipped}
    near = difflib.get_close_matches(Path(name).stem, stems, n=3)
    hint = f'did you mean {" or ".join(near)}? ' if near else ''
    raise FileNotFoundError(
        f'there is no {kind} {name}; {hint}the shipped ones are listed by `mmwsss configs`'
    )
