"""Filling a network from a file of weights, whole or not at all.

mmengine prints a warning where a file lacks tensors of a network, and goes on with random ones; in
a frozen backbone nobody finds out. Here such a load is refused, on both ways in: mmengine's
initialisation ``Pretrained``, and checkpoints of whole networks (`refuse_partial_load`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from mmengine import dist
from mmengine.logging import print_log
from mmengine.model.weight_init import PretrainedInit, update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from .names import describe, to_mmpretrain_vit
from .reading import WRAPPERS, held_state, read_checkpoint, state_dict_of

_COUNTER = '.num_batches_tracked'  # torch < 0.4.1 saved none, and no network here needs them
_SHOWN = 3  # names in a message
_SHAPES = re.compile(  # in torch's list of errors
    r'size mismatch for (\S+): .*?torch\.Size\((\[.*?\])\).*?torch\.Size\((\[.*?\])\)'
)


class PartialLoadError(ValueError):
    """A file would leave a part of a network as it was initialised, or is of another network."""


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Read a local file for mmengine, see `read_checkpoint`; `map_location` is the CPU."""
    path = Path(filename).expanduser()
    return _with_state_dict(read_checkpoint(path), path)


@CheckpointLoader.register_scheme(prefixes=('http://', 'https://'), force=True)
def load_from_http(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Read the file of a URL for mmengine, from the cache of torch's hub or after a download.

    mmengine's own asks torch's hub for it, which runs the code in a pickle.

    Args:
        filename: The URL.
        map_location: Unused: files are read to the CPU.

    Raises:
        OSError: The URL cannot be fetched.
        ValueError: See `read_checkpoint`.
    """
    path = Path(torch.hub.get_dir(), 'checkpoints', Path(urlsplit(filename).path).name)
    if dist.is_main_process():
        _download(filename, path)
    dist.barrier()
    _download(filename, path)  # where a machine has a disk of its own
    return _with_state_dict(read_checkpoint(path), path)


def _with_state_dict(loaded: dict[str, Any], path: Path) -> dict[str, Any]:
    """Put the weights where mmengine looks for them, whatever a trainer has called the place."""
    state = held_state(loaded)
    is_wrapped = bool(state) and all(str(name).startswith(WRAPPERS) for name in state)
    if not is_wrapped and (state is loaded or 'state_dict' in loaded):
        return loaded
    return {**loaded, 'state_dict': state_dict_of(loaded, path)}


# torchvision://, open-mmlab:// and mmcls:// look a URL up and call mmengine's function by its name
mmengine_checkpoint.load_from_http = load_from_http


@WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
class WholePretrainedInit(PretrainedInit):
    """mmengine's ``Pretrained``, which fills every tensor of the module or raises.

    It stands in the place of mmengine's in a process that has imported `mmwsss.models`. What the
    file holds beside the module (a classifier, heads) is left out. A ViT may have the names of
    timm, DeiT or mmpretrain.

    Args:
        checkpoint: A file (see `mmwsss.models.weights.read_checkpoint`) or a URL of mmengine.
        prefix: In front of the module's names; if no name of the file has it, the names are taken
            as they are. None is ``backbone.``, but for a module that has a part of this name.
        map_location: Unused: files are read to the CPU.
        whole: False gives mmengine's behaviour, for a module that is meant to be filled in part;
            for that once, `refuse_partial_load` does not hold.

    Raises:
        FileNotFoundError: There is no such file.
        ConnectionError: The URL cannot be fetched.
        ValueError: The file is damaged or unsafe, or does not fill the module.
    """

    def __init__(
        self,
        checkpoint: str,
        prefix: str | None = None,
        map_location: str = 'cpu',
        whole: bool = True,
    ) -> None:
        super().__init__(checkpoint, prefix, map_location)
        self.whole = whole

    def __call__(self, module: nn.Module) -> None:
        """Fill `module`."""
        if not self.whole:
            with _accepting_parts(module):
                super().__call__(module)
            return
        loaded = _read_or_fetch(self.checkpoint)
        state = _of_module(state_dict_of(loaded, self.checkpoint), module, self.prefix)
        with naming_file(self.checkpoint):
            fill(module, state)
        kind, number = type(module).__name__, len(module.state_dict())
        print_log(f'{kind}: {number} tensors of {self.checkpoint}', logger='current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())


def pretrained_file(module: Mapping[str, Any]) -> str | None:
    """Return the local file that a module is initialised from.

    Args:
        module: Its config, with or without `init_cfg`.

    Returns:
        The path, whether or not there is such a file; None for a URL and other initialisations.
    """
    init_cfg = module.get('init_cfg')
    if not isinstance(init_cfg, Mapping) or init_cfg.get('type') != 'Pretrained':
        return None
    path = init_cfg['checkpoint']
    return None if '://' in path else path


def fill(module: nn.Module, state: dict[str, Tensor]) -> None:
    """Load a state dict that must fill every tensor of a network.

    Args:
        module: The network whose tensors are filled.
        state: Name -> tensor. Names that begin with none of the network's children are left out; a
            ViT may have timm's names, and a network with a method ``own_names`` whatever that
            knows.

    Raises:
        PartialLoadError: A tensor of the network is missing in `state`, or has another shape there;
            or `state` has more in one of the network's parts than the network has.
    """
    names, given = module.state_dict().keys(), state
    if any(name.startswith('layers.0.ln1.') for name in names):
        state = to_mmpretrain_vit(state)
    own_names: Any = getattr(module, 'own_names', None)
    if own_names is not None:
        state = own_names(state)
    if 'dist_token' in state:
        raise PartialLoadError(
            'a distilled DeiT has a token more: take the file without distillation'
        )
    children = {name.split('.')[0] for name in names}
    part = {name: value for name, value in state.items() if name.split('.')[0] in children}
    guard = _Guard(surplus_depth=1, names=list(given))
    hooks = (
        module.register_load_state_dict_pre_hook(guard.before),
        module.register_load_state_dict_post_hook(guard.after),
    )
    try:
        module.load_state_dict(part, strict=False)
    finally:
        for hook in hooks:
            hook.remove()


def refuse_partial_load(module: nn.Module, begins_anew: Sequence[str] = ()) -> None:
    """Make a network refuse every checkpoint that leaves a tensor of it as it was initialised.

    It holds for torch's `load_state_dict` as for mmengine's loading, which bypasses that.

    Args:
        module: The network that is to refuse.
        begins_anew: Children of which a checkpoint may hold nothing at all: plug-ins that a
            training adds to a finished network.
    """
    guard = _Guard(begins_anew)
    module.register_load_state_dict_pre_hook(guard.before)
    module.register_load_state_dict_post_hook(guard.after)


@contextmanager
def _accepting_parts(network: nn.Module) -> Iterator[None]:
    """Switch off what `refuse_partial_load` set up in a network and its parts."""
    # torch has no public list of a module's hooks
    hooks = [
        hook for part in network.modules() for hook in part._load_state_dict_post_hooks.values()
    ]
    owners = [getattr(hook, '__self__', None) for hook in hooks]
    guards = [owner for owner in owners if isinstance(owner, _Guard)]
    for guard in guards:
        guard.on_duty = False
    try:
        yield
    finally:
        for guard in guards:
            guard.on_duty = True


@contextmanager
def naming_file(path: Any) -> Iterator[None]:
    """Turn a `PartialLoadError` into a ValueError that begins with the name of the file."""
    try:
        yield
    except PartialLoadError as error:
        raise ValueError(f'{path}: {error}') from error


class _Guard:
    """Looks at what a load left out, and raises for it.

    Args:
        begins_anew: See `refuse_partial_load`.
        surplus_depth: A name that only the file has counts if so many of its parts are the name of
            something in the network.
        names: What the file's tensors are called, if the network is given others.
    """

    def __init__(
        self,
        begins_anew: Sequence[str] = (),
        surplus_depth: int = 2,
        names: list[str] | None = None,
    ) -> None:
        self.begins_anew = tuple(begins_anew)
        self.surplus_depth = surplus_depth
        self.names = names
        self.on_duty = True
        self._prefix = ''
        self._names: list[str] = []  # of the checkpoint, from `before` to `after`
        self._errors: list[str] = []  # of torch, which `after` is not given

    def before(
        self,
        module: nn.Module,
        state: dict[str, Any],
        prefix: str,
        metadata: Any,
        strict: bool,
        missing: list[str],
        surplus: list[str],
        errors: list[str],
    ) -> None:
        """Note what torch hands out before a load."""
        self._prefix, self._errors = prefix, errors
        self._names = self._own(state)

    def after(self, module: nn.Module, incompatible: Any) -> None:
        """Raise for what is missing, of another shape, or too many.

        Raises:
            PartialLoadError: See `refuse_partial_load`.
        """
        if not self.on_duty:
            return
        anew = tuple(
            f'{child}.'
            for child in self.begins_anew
            if not any(name.startswith(f'{child}.') for name in self._names)
        )
        missing = [
            name
            for name in self._own(incompatible.missing_keys)
            if not name.endswith(_COUNTER) and not (anew and name.startswith(anew))
        ]
        shapes = [match.groups() for text in self._errors if (match := _SHAPES.search(text))]
        known = {_first(name, self.surplus_depth) for name in module.state_dict()}
        surplus = [
            name
            for name in self._own(incompatible.unexpected_keys)
            if _first(name, self.surplus_depth) in known
        ]
        number = sum(not name.endswith(_COUNTER) for name in module.state_dict())
        says = f'it seems to be {describe(self.names or self._names)}'
        if missing:
            raise PartialLoadError(
                f'this file leaves {len(missing)} of {number} tensors of the network as they were '
                f'initialised, {self._list(missing)}; {says}'
            )
        if shapes:
            name, theirs, ours = shapes[0]
            raise PartialLoadError(
                f'{name} is {_shape(theirs)} in this file and {_shape(ours)} in the network, with '
                f'{len(shapes) - 1} more such tensors; {says}'
            )
        if surplus:
            raise PartialLoadError(
                f'this file is of a larger network, with {len(surplus)} tensors that this one '
                f'lacks, {self._list(surplus)}; {says}'
            )

    def _own(self, names: Iterable[str]) -> list[str]:
        """Return those of `names` that are the network's, without its prefix."""
        start = len(self._prefix)
        return [name[start:] for name in names if name.startswith(self._prefix)]

    def _list(self, names: list[str]) -> str:
        shown = ', '.join(f'{self._prefix}{name}' for name in names[:_SHOWN])
        return f'{shown}, ...' if len(names) > _SHOWN else shown


def _of_module(
    state: dict[str, Tensor], module: nn.Module, prefix: str | None
) -> dict[str, Tensor]:
    """Take the tensors whose names begin with `prefix`, without it; all, if none does."""
    start = f'{prefix.rstrip(".")}.' if prefix else 'backbone.'
    if prefix is None and any(name.startswith(start) for name in module.state_dict()):
        return state  # a whole network, and its own names
    part = {
        name.removeprefix(start): value for name, value in state.items() if name.startswith(start)
    }
    return part or state


def _download(url: str, path: Path) -> None:
    """Fetch a file that is not there; an interrupted download leaves none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path))
        except OSError as error:
            raise ConnectionError(_not_fetched(url, error)) from error


def _not_fetched(url: str, error: OSError) -> str:
    return (
        f'{url} could not be fetched ({error}): load the file on a machine with a network and give '
        'its path (model.backbone.init_cfg.checkpoint for a backbone)'
    )


def _read_or_fetch(checkpoint: str) -> dict[str, Any]:
    try:
        return CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    except OSError as error:
        if '://' not in checkpoint:
            raise FileNotFoundError(
                f'the weights {checkpoint} are not there: set model.backbone.init_cfg.checkpoint '
                'to the path of the file'
            ) from error
        if str(error).startswith(checkpoint):  # says it
            raise
        raise ConnectionError(_not_fetched(checkpoint, error)) from error


def _first(name: str, depth: int) -> str:
    return '.'.join(name.split('.')[:depth])


def _shape(text: str) -> str:
    return text.replace('[', '(').replace(']', ')')
