"""Reading a file of weights, whoever saved it, without running any code in it."""

import argparse
import os
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mmwsss.structures import odd_content

from .torchscript import is_torchscript, read_torchscript

CONTAINERS = (
    'state_dict',
    'model',
    'net',
    'model_state_dict',
    'ema',
)  # keys under which trainers store the state dict
WRAPPERS = ('module.', 'model.')  # what DataParallel and Lightning put before every name
# what trainers put beside their weights, and what cannot do harm
_HARMLESS = (argparse.Namespace,)
_LENGTH, _LONGEST = 8, 2**27  # bytes of a safetensors file's header: of its length, at most
_SHOWN = 3  # names in a message
_NAMED_GLOBAL = re.compile(r'GLOBAL ([\w.]+)')  # in torch's refusal of a pickle


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what a file of weights holds; nothing in the file is run.

    Args:
        path: A ``.safetensors`` file, a TorchScript archive (its tensors are taken), or a
            checkpoint of torch with tensors, numbers, texts and containers of them.

    Returns:
        The checkpoint, its tensors on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, is no dict, or holds objects whose code would have to be run.
    """
    if Path(path).is_dir():
        raise IsADirectoryError(f'{path} is a folder: give the file of weights in it')
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no file of weights {path}')
    if Path(path).suffix == '.safetensors' or _is_safetensors(path):
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f'{path} is no safetensors file, or a damaged one{odd_content(path)}'
            ) from error
    if is_torchscript(path):
        return read_torchscript(path)
    loaded = _load(path)
    if not isinstance(loaded, dict):
        raise ValueError(
            f'{path} holds a {type(loaded).__name__} and no state dict: save model.state_dict()'
        )
    return loaded


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the state dict of a file of weights, see `read_checkpoint`.

    Args:
        path: A state dict, or a dict that holds one under one of `CONTAINERS`.

    Returns:
        Name -> tensor, without the leading ``module.`` or ``model.`` of a wrapper.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: As of `read_checkpoint`; or there is no state dict in it; or a tensor in it has
            values that are not finite.
    """
    return state_dict_of(read_checkpoint(path), path)


def state_dict_of(loaded: dict[str, Any], path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Take the state dict out of a checkpoint.

    Args:
        loaded: See `read_checkpoint`.
        path: Its file, for messages.

    Returns:
        Name -> tensor, without the leading ``module.`` or ``model.`` of a wrapper.

    Raises:
        ValueError: There is none, or a tensor in it has values that are not finite.
    """
    state = held_state(loaded)
    odd = [str(key) for key, value in state.items() if not isinstance(value, Tensor)]
    if odd or not state:
        what = f'no tensors are {", ".join(odd[:_SHOWN])}' if odd else 'it is empty'
        raise ValueError(f'{path} holds no state dict of a network: {what}')
    refuse_not_finite(state, path)
    for wrapper in WRAPPERS:
        if all(key.startswith(wrapper) for key in state):
            state = {key.removeprefix(wrapper): value for key, value in state.items()}
    return dict(state)


def held_state(loaded: dict[str, Any]) -> dict[str, Any]:
    """Return what stands under one of `CONTAINERS` in a checkpoint; all of it without any."""
    return next((loaded[name] for name in CONTAINERS if isinstance(loaded.get(name), dict)), loaded)


def refuse_not_finite(state: dict[str, Tensor], path: str | os.PathLike[str]) -> None:
    """Refuse weights of a training that diverged, or of a damaged file.

    Args:
        state: Name -> tensor.
        path: Their file, for the message.

    Raises:
        ValueError: A tensor has values that are not finite.
    """
    odd = [
        key
        for key, value in state.items()
        if value.is_floating_point() and not bool(value.isfinite().all())
    ]
    if odd:
        raise ValueError(
            f'{path} holds values that are not finite (NaN or infinite) in {_list(odd)}: its '
            'training diverged or the file is damaged; take another checkpoint'
        )


def _load(path: str | os.PathLike[str]) -> Any:
    """Load a file of torch, of tensors alone."""
    try:
        with torch.serialization.safe_globals(list(_HARMLESS)):
            return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        if named := _NAMED_GLOBAL.search(str(error)):
            raise ValueError(
                f'{path} holds more than tensors, an object {named[1]}, whose code is not run: '
                'save the state dict alone, torch.save(model.state_dict(), FILE), where the '
                'network was trained'
            ) from error
        raise ValueError(_damaged(path)) from error
    except Exception as error:  # a damaged file raises anything
        raise ValueError(_damaged(path)) from error


def _is_safetensors(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as safetensors do: with the length of a JSON text."""
    with Path(path).open('rb') as file:
        head = file.read(_LENGTH + 2)
    return head[_LENGTH:] == b'{"' and int.from_bytes(head[:_LENGTH], 'little') < _LONGEST


def _damaged(path: str | os.PathLike[str]) -> str:
    return f'{path} is no file of weights, or a damaged one{odd_content(path, zipped=True)}'


def _list(names: list[str]) -> str:
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return f'{", ".join(names[:_SHOWN])}{more}'
