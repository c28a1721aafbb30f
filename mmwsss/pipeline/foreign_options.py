"""The options of mmengine and mmseg, which take what they do not know, or odd values, in silence.

What is peculiar to a class of this package it says itself, by the types in its signature.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from mmengine import registry as mmengine
from mmengine.config import Config

from mmwsss import registry
from mmwsss.errors import Faults
from mmwsss.structures import Count, Positive, PositivePair, Range, Share, check_option

PARTS = ('data_preprocessor', 'backbone', 'neck', 'decode_head', 'cam_head', 'prototype_head')
_OF_THE_CONSTRUCTOR = ('constructor', 'optimizer', 'paramwise_cfg')  # in the optimiser's wrapper
KNOWN_KEYS = {  # of dicts from which mmengine takes what it knows
    'env_cfg': ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'),
    'env_cfg.mp_cfg': ('mp_start_method', 'opencv_num_threads'),
    'randomness': ('seed', 'deterministic', 'diff_rank_seed'),
    'optim_wrapper.clip_grad': (
        'type',
        'max_norm',
        'norm_type',
        'clip_value',
        'error_if_nonfinite',
        'foreach',
    ),
}

_Whole = Annotated[int, Range(0)]
_NotNegative = Annotated[float, Range(0)]
_BelowOne = Annotated[float, Range(0, 1, below_high=True)]
_Rate = Annotated[float, Range(0, 100)]  # 0 is that of a pass that learns nothing
_OrNever = Count | Literal[-1]  # of an interval
_Crop = Count | tuple[Count, Count]
_Sizes = _Crop | Sequence[tuple[Count, Count]] | None

# by the place in a config: `*` is any one name, `**` any names
_PLACES: dict[str, Any] = {
    'total_batch_size': Count | None,
    '*_dataloader.batch_size': Count | None,
    '*_dataloader.num_workers': _Whole,
    '*_dataloader.prefetch_factor': Count | None,
    '*_dataloader.timeout': _NotNegative,
    '*_dataloader.dataset.views': Count | None,
    'train_cfg.max_epochs': Count,
    'train_cfg.max_iters': Count,
    'train_cfg.val_interval': Count,
    'train_cfg.val_begin': _Whole,
    'optim_wrapper.accumulative_counts': Count,
    'optim_wrapper.clip_grad.max_norm': Positive,
    'optim_wrapper.clip_grad.clip_value': Positive,
    'optim_wrapper.optimizer.lr': _Rate | None,
    'optim_wrapper.optimizer.momentum': _BelowOne,
    'optim_wrapper.optimizer.dampening': Share,
    'optim_wrapper.optimizer.weight_decay': _NotNegative,
    'optim_wrapper.optimizer.eps': _NotNegative,
    'optim_wrapper.optimizer.betas': tuple[_BelowOne, _BelowOne],
    'optim_wrapper.paramwise_cfg.custom_keys.**.lr_mult': _NotNegative,
    'optim_wrapper.paramwise_cfg.custom_keys.**.decay_mult': _NotNegative,
    'param_scheduler.*.begin': _Whole,
    'param_scheduler.*.end': Count,
    'param_scheduler.*.eta_min': _NotNegative | None,
    'param_scheduler.*.power': Positive,
    'param_scheduler.*.gamma': Positive,
    'param_scheduler.*.start_factor': Annotated[float, Range(0, 1, above_low=True)],
    'param_scheduler.*.end_factor': Share,
    'param_scheduler.*.milestones': Sequence[Count],
    'param_scheduler.*.T_max': Count | None,
    'default_hooks.*.interval': _OrNever,
    'default_hooks.checkpoint.max_keep_ckpts': _OrNever,
    'default_hooks.logger.interval': Count,
    'custom_hooks.*.interval': _OrNever | None,
    'custom_hooks.*.epoch': _Whole,
    'env_cfg.cudnn_benchmark': bool,
    'env_cfg.mp_cfg.mp_start_method': Literal['fork', 'spawn', 'forkserver'],
    'env_cfg.mp_cfg.opencv_num_threads': _Whole,
    'env_cfg.dist_cfg.backend': str,
    'env_cfg.dist_cfg.timeout': Positive | None,
    'env_cfg.resource_limit': Count,
    'randomness.seed': Annotated[int, Range(0, 2**32 - 1)] | None,
    'randomness.deterministic': bool,
    'randomness.diff_rank_seed': bool,
    'log_level': Literal['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'],
    'log_processor.window_size': Count,
    'resume': bool,
    'load_from': str | None,
    'model.data_preprocessor.std': Sequence[Positive] | None,
    'model.data_preprocessor.size': _Crop | None,
    'model.data_preprocessor.size_divisor': Count | None,
    'model.**.dropout_ratio': Share,
    'model.**.drop_rate': Share,
    'model.**.drop_path_rate': _BelowOne,
    'model.**.loss_weight': _NotNegative,
    'model.**.label_smoothing': _BelowOne,
    'model.**.temperature': Positive,
    'model.**.num_heads': Count | Sequence[Count],
    'model.**.num_layers': Count,
    'model.**.radius': Count,
    'tta_model.min_probability': Share,
    'model.test_cfg.mode': Literal['whole', 'slide'],
    'model.test_cfg.crop_size': tuple[Count, Count],
    'model.test_cfg.stride': tuple[Count, Count],
}

# by type and option: transforms stand in pipelines of many places
_TRANSFORMS: dict[str, dict[str, Any]] = {
    'RandomFlip': {'prob': Share | Sequence[Share] | None},
    'RandomCrop': {
        'crop_size': _Crop,
        'cat_max_ratio': Annotated[float, Range(0, 1, above_low=True)],
    },
    'RandomResize': {'scale': _Sizes, 'ratio_range': PositivePair | None},
    'RandomChoiceResize': {'scales': _Sizes},
    'Resize': {'scale': _Sizes, 'scale_factor': Positive | tuple[Positive, Positive] | None},
    'Pad': {'size': _Crop | None, 'size_divisor': Count | None},
    'RandomRotate': {'prob': Share},
    'RandomCutOut': {'prob': Share},
    'PhotoMetricDistortion': {
        'brightness_delta': _Whole,
        'contrast_range': PositivePair,
        'saturation_range': PositivePair,
    },
}


def dotted(where: str, key: str) -> str:
    """Return the place of a key, as options write it; `where` may be empty."""
    return f'{where}.{key}' if where else key


def refuse_odd_values(config: Config, where: str = '') -> None:
    """Look at the values of options that are not this package's own.

    Args:
        config: Of a run, or of one of its networks.
        where: What the places begin with in messages.

    Raises:
        ValueError: One makes no sense.
        SeveralFaults: Several make none; all are in the message.
    """
    faults = Faults()
    prefix = f'{where}.' if where else ''
    for place, value, hint in _values(config.to_dict()):
        with faults.collect():
            check_option(f'{prefix}{place}', value, hint)
    for index, scheduler in enumerate(schedulers_of(config)):
        begin, end = scheduler.get('begin', 0), scheduler.get('end')
        if isinstance(begin, int) and isinstance(end, int) and 0 < end <= begin:
            with faults.collect():
                raise ValueError(
                    f'{prefix}param_scheduler.{index}.end is {end}; it must be above its begin, '
                    f'{begin}'
                )
    faults.say()


def schedulers_of(config: Config) -> list[dict[str, Any]]:
    """Return the schedulers of a config, which may have a single one in the place of a list."""
    found = config.get('param_scheduler') or []
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]


def foreign_parts(tree: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Any, set[str]]]:
    """Yield place and dict of parts with a type, their registry, and what others give them."""
    wrapper, model = tree.get('optim_wrapper') or {}, tree.get('model') or {}
    parts: list[tuple[str, Any, Any, set[str]]] = [
        ('train_cfg', tree.get('train_cfg'), registry.LOOPS, {'runner', 'dataloader'}),
        (
            'optim_wrapper',
            {key: value for key, value in wrapper.items() if key not in _OF_THE_CONSTRUCTOR},
            mmengine.OPTIM_WRAPPERS,
            {'optimizer'},
        ),
        ('optim_wrapper.optimizer', wrapper.get('optimizer'), mmengine.OPTIMIZERS, {'params'}),
    ]
    schedulers = tree.get('param_scheduler') or []
    for index, part in enumerate(schedulers if isinstance(schedulers, list) else [schedulers]):
        place = f'param_scheduler[{index}]'
        parts.append((place, part, mmengine.PARAM_SCHEDULERS, {'optimizer'}))
    hooks = [*_entries(tree, 'default_hooks'), *_entries(tree, 'custom_hooks')]
    for place, hook in hooks:
        hook = {key: value for key, value in hook.items() if key != 'priority'}
        parts.append((place, hook, registry.HOOKS, set()))
    parts += [(f'model.{name}', model.get(name), registry.MODELS, set()) for name in PARTS]
    parts += [(place, step, registry.TRANSFORMS, set()) for place, step in _steps(tree, '')]
    yield from (part for part in parts if isinstance(part[1], dict))


def _entries(tree: dict[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and value of the dicts in a dict or a list."""
    node = tree.get(name) or {}
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, dict):
            yield f'{name}.{key}', value


def _steps(node: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the transforms of every pipeline in a tree."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if isinstance(value, list) and key.endswith('pipeline'):
            yield from ((dotted(where, place), step) for place, step in _entries(node, key))
        else:
            yield from _steps(value, dotted(where, key))


def _values(tree: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield the place and the value of each option that there is a rule for, and the rule."""
    if isinstance(tree.get('param_scheduler'), dict):
        tree = {**tree, 'param_scheduler': [tree['param_scheduler']]}
    for place, value, holder in _options(tree, ''):
        hint = next((hint for pattern, hint in _PATTERNS if pattern.fullmatch(place)), None)
        kind = str(holder.get('type', '')).rpartition('.')[2] if isinstance(holder, dict) else ''
        hint = hint or _TRANSFORMS.get(kind, {}).get(place.rpartition('.')[2])
        if hint is not None:
            yield place, value, hint


def _options(node: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the place and the value of every option of a tree, and what it is an option of."""
    entries: Any = node.items() if isinstance(node, dict) else ()
    if isinstance(node, list | tuple):
        entries = enumerate(node)
    for key, value in entries:
        place = dotted(where, str(key))
        yield place, value, node
        yield from _options(value, place)


def _pattern(place: str) -> re.Pattern[str]:
    parts = {'*': r'[^.]+', '**': r'.+', '*_dataloader': r'\w+_dataloader'}
    return re.compile(r'\.'.join(parts.get(part) or re.escape(part) for part in place.split('.')))


_PATTERNS = [(_pattern(place), hint) for place, hint in reversed(_PLACES.items())]
