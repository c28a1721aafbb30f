"""Renaming a released checkpoint's tensors, strictly in both directions."""

import os

import torch
from mmengine.registry import init_default_scope
from torch import Tensor

import mmwsss
from mmwsss.models.weights import read_state_dict
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS
from mmwsss.structures import atomic_path

from .layouts import Layout

_COUNTER = '.num_batches_tracked'  # torch < 0.4.1 saved none, and batch norm here needs none
_SHOWN = 10  # names of one kind in an error


def convert_checkpoint(
    layout: Layout,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    config: str | os.PathLike[str] | None = None,
) -> int:
    """Write a released checkpoint as one of ours, for `load_from` and for the commands.

    Args:
        layout: What `source` is.
        source: The released file.
        target: The file to write.
        config: Of our model; that of the layout if not given.

    Returns:
        Number of tensors written.

    Raises:
        FileNotFoundError: There is no such file or config.
        ValueError: `source` does not fit the layout or the model.
    """
    settings = load_config(config or layout.config)
    init_default_scope('mmseg')
    expected = MODELS.build(settings.model).state_dict()
    try:
        state = convert_state_dict(read_state_dict(source), layout, expected)
    except ValueError as error:
        where = f'{source} is not {layout.title} for {settings.filename}'
        raise ValueError(f'{where}: {error}') from error
    meta = {'converted_from': layout.title, 'mmwsss_version': mmwsss.__version__}
    with atomic_path(target) as temporary:
        torch.save({'state_dict': state, 'meta': meta}, temporary)
    return len(state)


def convert_state_dict(
    released: dict[str, Tensor], layout: Layout, expected: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Rename tensors; every one must be wanted, and every wanted one be there.

    Args:
        released: Name -> tensor; where a tensor has several names, they must agree.
        layout: Which of the known layouts `released` has.
        expected: State dict of our model; its shapes and dtypes count, and the counters of batch
            norms that `released` lacks are taken from it.

    Returns:
        A state dict that our model loads strictly.

    Raises:
        ValueError: With the names of all tensors that are unknown, missing, of another shape, or
            differ from another copy of themselves.
    """
    origins: dict[str, str] = {}  # ours -> released
    unknown, shapes, unequal = [], [], []
    for key, value in released.items():
        if layout.is_constant(key):
            continue
        name = layout.rename(key)
        if name is None or name not in expected:
            unknown.append(key)
            continue
        first = origins.setdefault(name, key)
        if value.shape != expected[name].shape:
            shapes.append(f'{key} {tuple(value.shape)}, ours {tuple(expected[name].shape)}')
        elif first != key and not torch.equal(released[first], value):
            unequal.append(f'{key} and {first}')
    _refuse(
        {
            'unknown names': unknown,
            'nothing to fill our': [
                name for name in expected if name not in origins and not name.endswith(_COUNTER)
            ],
            'other shapes': shapes,
            'copies of one tensor that differ': unequal,
        }
    )
    return {
        name: released[origins[name]].to(own.dtype).clone() if name in origins else own
        for name, own in expected.items()
    }


def _refuse(problems: dict[str, list[str]]) -> None:
    """Raise one ValueError for all problems, if there is any."""
    sentences = []
    for what, items in problems.items():
        if items:
            more = f' and {len(items) - _SHOWN} more' if len(items) > _SHOWN else ''
            sentences.append(f'{what}: {", ".join(items[:_SHOWN])}{more}')
    if sentences:
        raise ValueError('; '.join(sentences))
