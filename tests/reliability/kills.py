"""Kill a run with signal 9 at random moments, run it again until it ends, compare its files.

    python tests/reliability/kills.py CONFIG... --kills 200 --seed 0

The files must be those of a run that nobody killed, byte for byte; of a checkpoint the tensors,
as mmengine writes times into it. A process that has imported everything forks one child per
attempt. Every other kill comes at a moment on the clock, the rest where a file is opened, renamed
or removed, which a seed repeats. With ``MMWSSS_TOY_SIZE=1`` and ``tests/shared`` in the path the
configs of the recipes are small.
"""

import argparse
import hashlib
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import torch

from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.run import run_pipeline

EVENTS = {'open', 'os.rename', 'os.remove', 'os.mkdir', 'os.rmdir', 'shutil.rmtree'}
TIMES = re.compile(r'\d{8}_\d{6}|log\.txt')  # names of logs
# entries of records: times, and the hash of a checkpoint, in which there are times
UNEQUAL = {'done.json': ('seconds', 'memory'), 'meta.json': ('checkpoint',)}


def run(config: Path, root: Path, log: Path, kill_at: int | None = None) -> int:
    """In a child: run a config's stages; with `kill_at` only up to so many events with files."""
    torch.set_num_threads(1)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    count = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal count
        if event in EVENTS and str(root) in str(arguments[0]):
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    try:
        run_pipeline(load_config(config), root)
    except BaseException:
        traceback.print_exc()
        return 1
    (log.parent / 'events').write_text(str(count))
    return 0


def attempt(config: Path, root: Path, log: Path, kill_at: int | None, seconds: float | None) -> int:
    """Run in a child, and kill it after some time, if given; return how it ended."""
    child = os.fork()
    if child == 0:
        os._exit(run(config, root, log, kill_at))
    if seconds is not None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def contents(root: Path) -> dict[str, str]:
    """Return what the files of a run hold, by their paths.

    Left out are times, logs, and the configs that mmengine leaves beside them, which say whether a
    training was resumed.
    """
    found = {}
    for path in sorted(root.rglob('*')):
        name = path.relative_to(root)
        hidden = name.name in ('.lock', '.lock.json')
        if len(name.parts) > 1 and path.suffix == '.py':
            continue
        if path.is_dir() or hidden or any(TIMES.fullmatch(part) for part in name.parts):
            continue
        found[str(name)] = content(path, root)
    return found


def content(path: Path, root: Path) -> str:
    """Return what is to be equal of a file."""
    if path.suffix == '.pth':
        state = torch.load(path, map_location='cpu')
        return digest(
            repr(
                list(tensors(state.get('state_dict'))) + list(tensors(state.get('optimizer')))
            ).encode()
        )
    data = path.read_bytes().replace(str(root).encode(), b'ROOT')
    if path.name in UNEQUAL:
        record = json.loads(data)
        return json.dumps({key: record[key] for key in record if key not in UNEQUAL[path.name]})
    return digest(data)


def tensors(value: object) -> Iterator[str]:
    """Yield the digests of all tensors of a tree."""
    if isinstance(value, torch.Tensor):
        yield digest(value.contiguous().numpy().tobytes())
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors(item)


def digest(data: bytes) -> str:
    """Return a hash."""
    return hashlib.sha256(data).hexdigest()[:16]


def kill_often(
    config: Path, kills: int, seed: int, folder: Path, share: float = 0.25, clock: bool = True
) -> int:
    """Kill runs of a config until there were enough kills; return how many runs that took.

    Args:
        config: The config, with its stages.
        kills: Number of kills.
        seed: Of their moments.
        folder: Where to work.
        share: A kill comes within this part of the events, or of the time, of a whole run.
        clock: Let every other kill come at a moment on the clock.

    Raises:
        AssertionError: A run failed, or its files are not those of a run that nobody killed.
    """
    moments = random.Random(seed)
    log = folder / 'log.txt'
    whole = folder / 'run'  # all work in a folder of one name, which is in some files
    begin = time.monotonic()
    assert attempt(config, whole, log, None, None) == 0, log.read_text()[-3000:]
    duration, events = time.monotonic() - begin, int((folder / 'events').read_text())
    expected = contents(whole)
    whole.rename(folder / 'expected')
    done = runs = 0
    while done < kills:
        runs += 1
        code = -signal.SIGKILL
        log.unlink()
        while code == -signal.SIGKILL:
            kill_at = seconds = None
            if done < kills:
                if clock and done % 2:
                    seconds = moments.uniform(0, share * duration)
                else:
                    kill_at = moments.randint(1, max(int(share * events), 1))
            code = attempt(config, whole, log, kill_at, seconds)
            done += code == -signal.SIGKILL
        assert code == 0, log.read_text()[-3000:]
        found = contents(whole)
        other = {
            name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
        }
        assert not other, f'after {done} kills, seed {seed}: {sorted(other)}'
        whole.rename(folder / f'done_{runs}')
    return runs


def main() -> None:
    """Kill, and print how often and in how many runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='+', type=Path)
    parser.add_argument('--kills', type=int, default=200, help='of all configs together')
    parser.add_argument('--seed', type=int, default=0)
    arguments = parser.parse_args()
    each = -(-arguments.kills // len(arguments.configs))
    for number, config in enumerate(arguments.configs):
        seed = arguments.seed + number
        with tempfile.TemporaryDirectory() as folder:
            runs = kill_often(config, each, seed, Path(folder))
        print(f'{config}: {each} kills in {runs} run(s), seed {seed}: files are equal', flush=True)


if __name__ == '__main__':
    main()
