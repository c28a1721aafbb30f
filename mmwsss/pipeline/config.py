"""Reading a config, and refusing an unknown option before long work starts."""

import difflib
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmwsss import registry

_REGISTRIES = (
    registry.MODELS,
    registry.DATASETS,
    registry.TRANSFORMS,
    registry.HOOKS,
    registry.LOOPS,
    registry.MODEL_WRAPPERS,
    registry.METRICS,
)
_PREFIX = 'mmwsss.'


def load_config(path: str | os.PathLike[str], options: dict[str, Any] | None = None) -> Config:
    """Read a config, merge command-line options into it, and check the options of our parts.

    Args:
        path: The config file.
        options: As given with ``--cfg-options``.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: A part of ours is unknown or has an unknown option.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no config {path}; the shipped ones are in configs/')
    config = Config.fromfile(path)
    if options:
        config.merge_from_dict(options)
    check_options(config)
    return config


def set_seed(config: Config, seed: int) -> None:
    """Make everything random in a run a matter of one seed.

    Args:
        config: Changed in place: the runner's seed, that of our hooks and of our data sets.
        seed: The seed.
    """
    config.setdefault('randomness', {})['seed'] = seed
    for hook in config.get('custom_hooks') or []:
        if str(hook['type']).startswith(_PREFIX):
            target = registry.HOOKS.get(hook['type'].removeprefix(_PREFIX))
            if 'seed' in inspect.signature(target).parameters:
                hook['seed'] = seed
    dataset = config.train_dataloader.dataset
    if str(dataset['type']).startswith(_PREFIX):
        dataset['seed'] = seed


def check_options(config: Config) -> None:
    """Compare the keys of every ``type='mmwsss.X'`` of a config with what ``X`` takes.

    Raises:
        ValueError: An unknown type or option, with where it stands and what is known.
    """
    for where, part in _own_parts(config.to_dict(), ''):
        name = part['type'].removeprefix(_PREFIX)
        found = next((r.get(name) for r in _REGISTRIES if r.get(name)), None)
        if found is None:
            known = sorted({key for r in _REGISTRIES for key in r.module_dict})
            raise ValueError(f'{where}.type is mmwsss.{name}, {_unknown(name, known)}')
        check_keys(where, name, set(part) - {'type', '_scope_'}, found)


def check_keys(where: str, name: str, keys: set[str], target: type) -> None:
    """Raise ValueError if `keys` has one that the constructor of `target` does not take."""
    accepted = inspect.signature(target).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values()):
        return
    for key in sorted(keys - set(accepted)):
        raise ValueError(f'option {key!r} of {where} ({name}) is {_unknown(key, sorted(accepted))}')


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f'did you mean {near[0]!r}? ' if near else ''
    return f'unknown: {hint}Known are {", ".join(known)}.'


def _own_parts(node: Any, where: str) -> Iterator[tuple[str, dict]]:
    """Yield every dict of the tree whose type is ours, with its dotted place."""
    if isinstance(node, dict):
        if str(node.get('type', '')).startswith(_PREFIX):
            yield where, node
        for key, value in node.items():
            yield from _own_parts(value, f'{where}.{key}' if where else str(key))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _own_parts(value, f'{where}[{index}]')
