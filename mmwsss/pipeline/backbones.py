"""What a model has from its backbone: channels of its heads, colours, and another one by name."""

import copy
import difflib
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import nn

from mmwsss.models.backbones import IMAGENET, backbone_statistics
from mmwsss.registry import MODELS
from mmwsss.shipped import backbone_folder, shipped_backbones

from .class_counts import parameter_of, takes

_SIDE = 64  # pixels of the image that a backbone is asked with
_READERS = (  # what may read the backbone's maps, as keys below `model`
    (),
    ('cam_head',),
    ('cam_head', 'projection'),
    ('prototype_head', 'projection'),
    ('decode_head',),
)
_channels: dict[str, tuple[int, ...]] = {}  # of the backbones that were asked


def settle_backbone(config: Config, before: Mapping[str, Any] | None = None) -> None:
    """Give heads and preprocessor what they do not say and the backbone knows.

    Heads and projections get `in_channels`, the preprocessor mean and standard deviation:
    ImageNet's, where the backbone does not know better.

    Args:
        config: Changed in place.
        before: The backbone before options were merged: what was its own is found anew.

    Raises:
        ValueError: The backbone cannot be asked, or other colours are stated than it expects.
    """
    model = config.get('model') or {}
    if not _has_backbone(model):
        return
    if before is not None and before != model['backbone']:
        _forget_own(model, before)
    _settle_statistics(model)
    for place, part, target in _readers(model):
        if part.get('in_channels') is None:
            part['in_channels'] = _wanted(place, part, target, model)


def _forget_own(model: dict[str, Any], backbone: Mapping[str, Any]) -> None:
    """Take away the numbers that a backbone gave to heads and preprocessor."""
    old = {**model, 'backbone': backbone}
    for place, part, target in _readers(model):
        with suppress(ValueError):  # it could not be asked: then it gave none
            if _plain(part.get('in_channels')) == _plain(_wanted(place, part, target, old)):
                part['in_channels'] = None
    given = backbone_statistics(dict(backbone)) or IMAGENET
    preprocessor = model.get('data_preprocessor') or {}
    for key, value in given._asdict().items():
        if _plain(preprocessor.get(key)) == _plain(value):
            preprocessor.pop(key, None)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value


def use_backbone(config: Config, name: str) -> None:
    """Put a named backbone into a classification network.

    Its recipe goes with it: a ViT learns with other rates. Networks that begin with the trained
    backbone of this one begin with their own weights, as they have other layers. A config that says
    no ``work_dir`` gets one of its own.

    Args:
        config: Changed in place; before `settle_backbone`.
        name: One of `shipped_backbones`.

    Raises:
        ValueError: There is no such backbone, or the host has one of its own.
    """
    model = config.get('model') or {}
    kind = (model.get('cam_head') or {}).get('type')
    head = MODELS.get(kind) if kind else None
    if head is None or head.own_backbone:
        said = 'it has no CAM head' if head is None else f'{head.__name__} needs one of its own'
        raise ValueError(
            f'--backbone {name} is for classification networks that take any backbone, and '
            f'{config.filename} is no such: {said}'
        )
    part = read_backbone(name)
    for _, reader, _ in _readers(model):
        reader['in_channels'] = None
    for key in IMAGENET._fields:
        (model.get('data_preprocessor') or {}).pop(key, None)
    changes: dict[str, Any] = {'model': {'backbone': {'_delete_': True, **part.backbone}}}
    if part.get('backbone_optim'):
        changes['optim_wrapper'] = {'_delete_': True, **part.backbone_optim}
    config.merge_from_dict(changes)
    if not config.get('work_dir'):  # beside the run with the config's own backbone
        config.work_dir = str(Path('work_dirs', f'{Path(config.filename).stem}_{name}'))
    for options in (config.get('stages') or {}).values():
        if options and options.get('backbone'):
            options['backbone'] = None


def read_backbone(name: str) -> Config:
    """Read what a name of `use_backbone` stands for.

    Returns:
        A config with ``backbone``, and where it learns by a recipe of its own ``backbone_optim``.

    Raises:
        ValueError: There is no such backbone.
    """
    known = shipped_backbones()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f'did you mean {near[0]}? ' if near else ''
        raise ValueError(f'there is no backbone {name}; {hint}Known are {", ".join(known)}.')
    return Config.fromfile(backbone_folder() / f'{name}.py')


def backbone_channels(
    backbone: Mapping[str, Any], neck: Mapping[str, Any] | None = None
) -> tuple[int, ...]:
    """Return the channels of the maps that a backbone, and a neck behind it, return.

    They are built without numbers, if they can be, and asked with an empty image, once per process.

    Args:
        backbone: Config.
        neck: Config or None.

    Raises:
        ValueError: They cannot be asked so, or return no maps.
    """
    key = json.dumps([backbone, neck], sort_keys=True, default=str)
    if key not in _channels:
        try:
            _channels[key] = _ask(dict(backbone), neck)
        except (ImportError, ValueError):
            raise
        except Exception as error:  # whatever a foreign network does without numbers
            raise ValueError(
                f'model.backbone ({backbone["type"]}) could not be asked for its channels '
                f'({type(error).__name__}: {error}): state in_channels of the heads'
            ) from error
    return _channels[key]


def foreign_layers(backbone: Mapping[str, Any], source: Mapping[str, Any]) -> list[str]:
    """Return the tensors of a backbone that another one does not have, or has in another shape.

    Args:
        backbone: Config of the one that is to be filled.
        source: Config of the one whose weights it gets.
    """
    if backbone == source:
        return []
    wanted, there = (_shapes(_without_weights(part)) for part in (backbone, source))
    return [name for name, shape in wanted.items() if there.get(name) != shape]


def _shapes(backbone: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    try:
        (network,) = _empty([backbone], 'meta')
    except RuntimeError:  # mmpretrain's read numbers while they are built
        (network,) = _empty([backbone], 'cpu')
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def _without_weights(backbone: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of a backbone that reads no file when it is built."""
    bare = copy.deepcopy(dict(backbone))
    bare.pop('init_cfg', None)
    taken = inspect.signature(MODELS.get(bare['type'])).parameters
    if 'pretrained' in taken and taken['pretrained'].default is True:
        bare['pretrained'] = False
    bare.pop('feature_cache', None)
    return bare


def _ask(backbone: dict[str, Any], neck: Mapping[str, Any] | None) -> tuple[int, ...]:
    backbone = _without_weights(backbone)
    try:
        maps = _maps(backbone, neck, 'meta')
    except RuntimeError:  # mmpretrain's read numbers while they are built
        maps = _maps(backbone, neck, 'cpu')
    if not all(isinstance(part, torch.Tensor) and part.ndim == 4 for part in maps):
        raise ValueError(
            f'model.backbone ({backbone["type"]}) returns more than maps: state in_channels of the '
            'heads'
        )
    return tuple(part.shape[1] for part in maps)


def _maps(backbone: Mapping[str, Any], neck: Mapping[str, Any] | None, device: str) -> Any:
    """Return what a backbone and a neck make of an empty image; without numbers on ``meta``."""
    networks = _empty([part for part in (backbone, neck) if part], device)
    with torch.device(device), torch.no_grad():
        maps: Any = torch.zeros(1, 3, _SIDE, _SIDE)
        for network in networks:
            network.eval()
            maps = network(maps)
    return maps


def _empty(parts: Iterable[Mapping[str, Any]], device: str) -> list[nn.Module]:
    """Build networks, without numbers on ``meta``."""
    with (
        DefaultScope.overwrite_default_scope('mmseg'),
        torch.random.fork_rng(devices=[]),
        torch.device(device),
    ):
        return [MODELS.build(copy.deepcopy(part)) for part in parts]


def _has_backbone(model: Mapping[str, Any]) -> bool:
    return isinstance((model.get('backbone') or {}).get('type'), str)


def _readers(model: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], type]]:
    """Yield the parts of a model that must be told the channels of maps, with place and class."""
    for keys in _READERS:
        part: Any = model
        for key in keys:
            part = part.get(key) if isinstance(part, dict) else None
        kind = part.get('type') if isinstance(part, dict) else None
        target = MODELS.get(kind) if isinstance(kind, str) else None
        if isinstance(target, type) and takes(target, 'in_channels'):
            yield '.'.join(('model', *keys)), part, target


def _wanted(place: str, part: dict[str, Any], target: type, model: dict[str, Any]) -> Any:
    """Return the `in_channels` of a part: of the last map, of some, or of all."""
    channels = backbone_channels(model['backbone'], model.get('neck'))
    try:
        if issubclass(target, BaseDecodeHead):
            index = part.get('in_index', -1)
            return channels[index] if isinstance(index, int) else [channels[i] for i in index]
        told = parameter_of(target, 'in_channels')
        if told is not None and told.annotation in (int, 'int'):
            return channels[-1]
        default = parameter_of(target, 'in_indices')
        indices = part.get('in_indices', default.default if default else range(len(channels)))
        return tuple(channels[index] for index in indices)
    except IndexError as error:
        raise ValueError(
            f'{place} reads a map that model.backbone does not return: it returns {len(channels)}'
        ) from error


def _settle_statistics(model: dict[str, Any]) -> None:
    preprocessor = model.get('data_preprocessor') or {}
    own = backbone_statistics(model['backbone'])
    if own is None and preprocessor.get('type') != 'mmwsss.CAMDataPreProcessor':
        return  # mmseg's takes images as they are, if it is not told
    for key, wanted in (own or IMAGENET)._asdict().items():
        stated = preprocessor.get(key)
        if stated is None:
            preprocessor[key] = list(wanted)
        elif own is not None and _plain(stated) != list(wanted):
            raise ValueError(
                f'model.data_preprocessor.{key} is {_plain(stated)}, but '
                f'{model["backbone"]["type"]} was trained with {list(wanted)}: leave mean and std '
                'out'
            )
