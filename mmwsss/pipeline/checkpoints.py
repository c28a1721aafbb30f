"""The checkpoints that a cut-off training has left, of which the newest may be half written."""

import re
import zipfile
import zlib
from pathlib import Path

from mmwsss.structures import atomic_path
from mmwsss.terminal import show

POINTER = 'last_checkpoint'  # mmengine's file with the path of the newest one
_NUMBER = re.compile(r'(\d+)\.pth$')


def settle_checkpoints(work_dir: str | Path) -> Path | None:
    """Let the pointer of a training name the newest checkpoint that is whole.

    Args:
        work_dir: Folder of the training.

    Returns:
        That checkpoint; None, and no pointer, if there is none: the training is to begin.
    """
    work_dir = Path(work_dir)
    numbers = {path: _NUMBER.search(path.name) for path in work_dir.glob('*.pth')}
    numbered = {path: int(found[1]) for path, found in numbers.items() if found}
    newest_first = sorted(numbered, key=lambda path: -numbered[path])
    whole = next((path for path in newest_first if is_whole(path)), None)
    for path in newest_first[: newest_first.index(whole) if whole else None]:
        onward = f'the training goes on from {whole.name}' if whole else 'the training begins anew'
        show(f'note: {path} is half written or damaged: {onward}')
    pointer = work_dir / POINTER
    if whole is None:
        pointer.unlink(missing_ok=True)
    else:
        with atomic_path(pointer) as temporary:
            temporary.write_text(str(whole), encoding='utf-8')
    return whole


def is_whole(path: str | Path) -> bool:
    """Say whether a checkpoint of torch is complete, by the check sums in it; nothing is unpacked.

    Args:
        path: The file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    # the last two: turned bits in the names or the flags
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError):
        return False
