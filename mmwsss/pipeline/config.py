"""Reading a config, and refusing an unknown option before long work starts."""

import copy
import difflib
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from mmengine import registry as mmengine
from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmwsss import registry
from mmwsss.shipped import find_config, shipped_root
from mmwsss.structures import check_option

from .backbones import settle_backbone, use_backbone
from .class_counts import settle_class_counts
from .foreign_options import KNOWN_KEYS, PARTS, dotted, foreign_parts

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
# what is read of a config's first level, whether or not the config has it
_FIRST_LEVEL = frozenset(inspect.signature(Runner).parameters) - {'cfg'} | {
    # mmengine, beside the Runner's parameters
    'activation_checkpointing',
    'compile',
    'custom_imports',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'sync_bn',
    # ours
    'judged_on',
    'seed_dataloader',
    'seed_tta_model',
    'seed_writer',
    'stages',
    'tested_on',
    'total_batch_size',
    'tta_model',
    'tta_pipeline',
}
_SUFFIXES = ('.py', '.json', '.yaml', '.yml')  # that mmengine reads
_SETS = ('judged_on', 'tested_on')  # what judges masks, and what a segmentor is tested on
_SHOWN = 4  # places in a message
_LOADER_EXTRAS = {'num_batch_per_epoch'}  # of mmengine, beside torch's options


def load_config(
    path: str | os.PathLike[str],
    options: dict[str, Any] | None = None,
    where: str = '',
    backbone: str | None = None,
) -> Config:
    """Read a config, merge command-line options into it, and check the options of our parts.

    Heads that do not say their number of classes get that of the data set, and what they and the
    preprocessor do not say of the backbone comes from there (`settle_backbone`).

    Args:
        path: The config file, or the name of a shipped one.
        options: As given with ``--cfg-options``.
        where: Where the options stand, for messages; empty for the command line.
        backbone: Name of another backbone (`use_backbone`), or None.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: The file is no config; a part of ours is unknown or has an unknown option, an
            option has no place, a stated number of classes is not the data set's, or stated
            colours are not the backbone's; the backbone is unknown, or not for this host.
    """
    # so that a config elsewhere can name a shipped one as its base: docs/configs.md
    os.environ.setdefault('MMWSSS_CONFIGS', str(shipped_root() / 'configs'))
    config = _read_config(find_config(path))
    check_options(config)
    if backbone:
        use_backbone(config, backbone)
    merge_options(config, options, where)
    for name in _SETS:
        if not isinstance(config.get(name), dict | None):
            raise ValueError(f'{name} is {config[name]!r}; it must be a dict, or be None')
    settle_class_counts(config)
    settle_backbone(config)
    return config


def _read_config(path: Path) -> Config:
    """Read a config; what its Python goes wrong with is said with the file."""
    if path.suffix not in _SUFFIXES:
        raise ValueError(f'{path} is no config, which ends in {", ".join(_SUFFIXES)}')
    try:
        config = Config.fromfile(path)
    except (OSError, ImportError):
        raise
    except Exception as error:  # whatever its code raises
        said = ' '.join(str(error).split())
        raise ValueError(
            f'{path} cannot be read as a config: {type(error).__name__}: {said}'
        ) from error
    _expand_home(config)
    return config


def merge_options(config: Config, options: dict[str, Any] | None, where: str = '') -> None:
    """Merge options into a config, and check them.

    Args:
        config: Changed in place.
        options: As given with ``--cfg-options``; left as they are (mmengine takes their
            ``_delete_`` away).
        where: Where the options stand, for messages; empty for the command line.

    Raises:
        ValueError: The first name of an option is unknown or a mere variable of the config's
            file, an option has no place in the config, or a part of ours does not take it.
    """
    if not options:
        return
    for key in options:
        first, _, rest = key.partition('.')
        if first in _FIRST_LEVEL:
            continue
        place = where or 'the config'
        if first not in config:
            raise ValueError(
                f'option {first!r} of {place} is {_unknown(first, sorted(_FIRST_LEVEL))}'
            )
        raise ValueError(
            f'option {first!r} of {place} is a variable of its file that nothing reads by itself: '
            f'{_instead(config, first, rest)}'
        )
    try:
        config.merge_from_dict(copy.deepcopy(options))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f'{where or "--cfg-options"} cannot be merged, as one of {", ".join(options)} numbers '
            'an entry that a list does not have, or names an option of what is no dict: see what '
            'stands there in the config'
        ) from error
    for name in ('model', 'train_dataloader', 'seed_dataloader', 'stages'):
        if name in options and not isinstance(config[name], dict):
            raise ValueError(f'{dotted(where, name)} is {config[name]!r}; it must be a dict')
    _expand_home(config)
    check_options(config, where)


def _expand_home(node: Any) -> None:
    """Put the home folder in the place of ``~`` in all paths of a config."""
    entries = node.items() if isinstance(node, dict | Config) else enumerate(node)
    for key, value in list(entries):
        if isinstance(value, dict | list):
            _expand_home(value)
        elif isinstance(value, str) and value.startswith('~/'):
            node[key] = str(Path(value).expanduser())


def _instead(config: Config, variable: str, rest: str) -> str:
    """Say where the value of a variable has gone to, which can be changed there.

    Args:
        config: That has the variable.
        variable: Its name.
        rest: What of its value was to be changed, dotted; empty for all of it.
    """
    tree = config.to_dict()
    places = [
        dotted(place, rest) if rest else place
        for name, part in tree.items()
        if name in _FIRST_LEVEL
        for place, value in _values(part, name)
        if _is_made_of(value, tree[variable])
    ]
    if not places:
        return 'change what is made of it, or the line of the file'
    more = f' and {len(places) - _SHOWN} more' if len(places) > _SHOWN else ''
    return f'change {", ".join(places[:_SHOWN])}{more}, which have its value, or the line'


def _is_made_of(value: Any, variable: Any) -> bool:
    """Say whether a value is that of a variable, or a dict of it to which more was added."""
    if isinstance(variable, dict) and isinstance(value, dict):
        kept = variable.keys() - {'_delete_'}
        return bool(kept) and all(
            key in value and _is_made_of(value[key], variable[key]) for key in kept
        )
    return type(value) is type(variable) and value == variable


def _values(node: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield every value of a tree with its dotted place, as options write it."""
    yield where, node
    nested: Iterable[tuple[Any, Any]] = ()
    if isinstance(node, dict):
        nested = node.items()
    elif isinstance(node, list | tuple):
        nested = enumerate(node)
    for key, value in nested:
        yield from _values(value, f'{where}.{key}')


def set_seed(config: Config, seed: int) -> None:
    """Make everything random in a run a matter of one seed.

    Args:
        config: Changed in place: the runner's seed, that of our hooks and of our data sets.
        seed: Random seed of everything that draws.
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


def check_options(config: Config, where: str = '') -> None:
    """Compare the keys of every ``type='mmwsss.X'`` of a config with what ``X`` takes.

    So are the keys of data loaders, loops, optimisers, schedulers, hooks and transforms, which are
    built long after the first stage began, and of what nothing refuses a misspelt key of.

    Args:
        config: A config as read, before options are merged.
        where: What its places begin with in messages.

    Raises:
        ValueError: An unknown type or option, with where it stands and what is known.
    """
    tree = config.to_dict()
    for place, part in _own_parts(tree, where):
        _check_part(place, part)
    for name, part in tree.items():
        if name.endswith('_dataloader') and isinstance(part, dict):
            check_keys(dotted(where, name), 'DataLoader', set(part) - _LOADER_EXTRAS, DataLoader)
    _check_foreign(tree, where)


def _check_foreign(tree: dict[str, Any], where: str) -> None:
    """Check the keys of parts that are mmengine's or mmseg's, of which many are built late."""
    for place, part, kinds, given in foreign_parts(tree):
        kind = part.get('type')
        # those of other packages are left to them
        found = kinds.get(kind) if isinstance(kind, str) and '.' not in kind else None
        if found is not None:
            keys = set(part) - {'type', '_scope_', '_delete_', 'convert_to_iter_based'}
            check_keys(dotted(where, place), str(kind), keys, found, given)
    for place, known in KNOWN_KEYS.items():
        node: Any = tree
        for name in place.split('.'):
            node = node.get(name) if isinstance(node, dict) else None
        if node is not None and not isinstance(node, dict):
            raise ValueError(f'{dotted(where, place)} is {node!r}; it must be a dict')
        for key in sorted(set(node or {}) - {'_delete_'} - set(known)):
            unknown = _unknown(key, sorted(known))
            raise ValueError(f'option {key!r} of {dotted(where, place)} is {unknown}')


def _check_part(where: str, part: dict[str, Any]) -> None:
    """Check one dict whose type is ours, and those of its options that are dicts of ours."""
    name = part['type'].removeprefix(_PREFIX)
    found = next((r.get(name) for r in _REGISTRIES if r.get(name)), None)
    if found is None:
        known = sorted({key for r in _REGISTRIES for key in r.module_dict})
        raise ValueError(f'{where}.type is mmwsss.{name}, {_unknown(name, known)}')
    check_keys(where, name, set(part) - {'type', '_scope_', '_delete_'}, found)
    check_values(where, part, found)
    for owner in inspect.getmro(found) if inspect.isclass(found) else ():
        for key, nested in vars(owner).get('nested_options', {}).items():
            keys = set(part.get(key) or {}) - {'_delete_'}
            taker = nested.taker
            check_keys(f'{where}.{key}', taker.__name__, keys, taker, set(nested.given))
            check_values(f'{where}.{key}', part.get(key) or {}, taker)


def check_types(config: Config) -> None:
    """Raise ValueError if a network, a part of it or what trains it is of a type nobody knows.

    Args:
        config: Of a training. Types of other packages (``mmpretrain.X``) are left to them.
    """
    model, wrapper = config.get('model') or {}, config.get('optim_wrapper') or {}
    parts = [
        ('model', model, registry.MODELS),
        *((f'model.{name}', model.get(name), registry.MODELS) for name in PARTS),
        ('optim_wrapper', wrapper, mmengine.OPTIM_WRAPPERS),
        ('optim_wrapper.optimizer', wrapper.get('optimizer'), mmengine.OPTIMIZERS),
        ('train_cfg', config.get('train_cfg'), registry.LOOPS),
    ]
    for index, hook in enumerate(config.get('custom_hooks') or []):
        parts.append((f'custom_hooks.{index}', hook, registry.HOOKS))
    for place, part, kinds in parts:
        kind = part.get('type') if isinstance(part, dict) else None
        if isinstance(kind, str) and '.' not in kind and kinds.get(kind) is None:
            near = difflib.get_close_matches(kind, _names(kinds), n=1)
            hint = f': did you mean {near[0]!r}?' if near else ''
            raise ValueError(f'{place}.type is {kind!r}, which is unknown{hint}')


def _names(kinds: Any) -> list[str]:
    """Return the names that a registry and those above it know."""
    found: list[str] = []
    while kinds is not None:
        prefix = _PREFIX if kinds.scope == 'mmwsss' else ''
        found += [f'{prefix}{name}' for name in kinds.module_dict]
        kinds = kinds.parent
    return found


def check_keys(
    where: str, name: str, keys: set[str], target: Callable, given: set[str] | None = None
) -> None:
    """Raise ValueError if `keys` has one that `target` does not take.

    Args:
        where: Place of the keys, for the message.
        name: Of the target, for the message.
        keys: Names of the options that are given.
        target: A class, or a function.
        given: What the target is given by others, which no key may repeat.
    """
    accepted = accepted_options(target)
    if accepted is None:
        return
    known = accepted - (given or set())
    for key in sorted(keys - known):
        raise ValueError(f'option {key!r} of {where} ({name}) is {_unknown(key, sorted(known))}')


def check_values(where: str, options: Mapping[str, Any], target: Callable) -> None:
    """Compare options with the types that a class or function, and what it inherits from, states.

    Args:
        where: Place of the options, for messages.
        options: By name; those whose type says nothing that can be checked are passed over.
        target: A class, or a function.

    Raises:
        ValueError: An option is none of its choices, out of its range, or of another type.
    """
    seen = set()
    for function in _constructors(target):
        parameters = inspect.signature(function).parameters
        for name, hint in _type_hints(function).items():
            if name in options and name in parameters and name not in seen:
                # None of what must be given: filled in later, as `num_classes`
                may_be_none = parameters[name].default in (None, inspect.Parameter.empty)
                if not (may_be_none and options[name] is None):
                    check_option(f'{where}.{name}', options[name], hint)
            seen.add(name)


def _type_hints(function: Callable) -> dict[str, Any]:
    """Return the annotations of a constructor; none where one can be resolved only by a checker."""
    try:
        constructor = function.__init__ if inspect.isclass(function) else function
        return get_type_hints(constructor, include_extras=True)
    except NameError:  # imported under TYPE_CHECKING
        return {}


def accepted_options(target: Callable) -> set[str] | None:
    """Return the names of the arguments of a function, or of a class and those it inherits from.

    A base class counts where the class before it takes further keywords, which it hands on.

    Returns:
        The names, or None where the last one takes any keyword.

    Example:
        >>> class Base:
        ...     def __init__(self, size): ...
        >>> class Special(Base):
        ...     def __init__(self, colour, **kwargs): ...
        >>> sorted(accepted_options(Special))
        ['colour', 'size']
    """
    names: set[str] = set()
    open_ended = False
    for function in _constructors(target):
        parameters = inspect.signature(function).parameters.values()
        names |= {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
        if not open_ended:
            break
    return None if open_ended else names - {'self'}


def current_value(config: Config, key: str) -> Any:
    """Return what an option of the command line would change: of the config, or of its class.

    Args:
        config: A config, after `load_config`.
        key: As in ``--cfg-options``.

    Raises:
        KeyError: Neither the config nor a class of ours that it names has the option.
    """
    node: Any = config
    for part in key.split('.'):
        if isinstance(node, list | tuple):
            node = node[int(part)]
        elif part in node:
            node = node[part]
        else:
            node = _default(node, part)
    return node


def _default(part: dict[str, Any], option: str) -> Any:
    """Return the default of an option that a dict leaves to its class; KeyError without one."""
    name = str(part.get('type', '')).removeprefix(_PREFIX)
    found = next((r.get(name) for r in _REGISTRIES if name and r.get(name)), None)
    for constructor in _constructors(found) if found else ():
        parameter = inspect.signature(constructor).parameters.get(option)
        if parameter is not None and parameter.default is not parameter.empty:
            return parameter.default
    raise KeyError(option)


def _constructors(target: Callable) -> Iterator[Callable]:
    """Yield what is called one after the other with the further keywords of the one before."""
    if not inspect.isclass(target):
        yield target
        return
    for owner in inspect.getmro(target)[:-1]:  # `object` takes nothing
        if '__init__' in vars(owner):
            yield vars(owner)['__init__']
        if 'extra_keywords' in vars(owner):  # see `mmwsss.structures.NestedOptions`
            yield vars(owner)['extra_keywords']
            return


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
            yield from _own_parts(value, dotted(where, str(key)))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _own_parts(value, f'{where}[{index}]')
