"""Reading the tensors of a checkpoint, whoever saved it."""

import os
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

CONTAINERS = ('state_dict', 'model')  # keys under which trainers store the state dict
_PARALLEL = 'module.'  # what DataParallel puts in front of every name


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the state dict of a checkpoint, without running any code in it.

    Args:
        path: A state dict, or a dict that holds one as `state_dict` or `model`.

    Returns:
        Name -> tensor, without the leading ``module.`` of a parallel model.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no checkpoint, or holds more than tensors.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no checkpoint {path}')
    try:
        loaded = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f'{path} is no checkpoint of tensors alone, and nothing else is loaded: {error}'
        ) from error
    state = _unpack(loaded)
    odd = [key for key, value in state.items() if not isinstance(value, Tensor)]
    if odd or not state:
        raise ValueError(f'{path} holds no state dict; no tensors are {odd[:5]}')
    if all(key.startswith(_PARALLEL) for key in state):
        state = {key.removeprefix(_PARALLEL): value for key, value in state.items()}
    return state


def _unpack(loaded: Any) -> dict[str, Any]:
    if not isinstance(loaded, dict):
        return {}
    for name in CONTAINERS:
        if isinstance(loaded.get(name), dict):
            return loaded[name]
    return loaded
