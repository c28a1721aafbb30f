"""From a config's ``stages`` to stages in the order that they run in."""

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmwsss.errors import Faults
from mmwsss.registry import STAGES

from .config import check_keys, check_values
from .stages.base import Stage
from .stages.training import Test, Train

_OF_TESTS = ('test_dataloader', 'test_evaluator', 'test_cfg')


def build_stages(config: Config) -> dict[str, Stage]:
    """Build the stages of a config, in the order that their inputs ask for.

    A stage that is None is left out, and one whose type `Stage.defaults` leaves out: judging stages
    where ``judged_on`` is None, tests where ``tested_on`` is. Stages that wait for nothing run in
    the order of the config.

    Args:
        config: With ``stages``, a dict of options by name.

    Raises:
        ValueError: There are no stages, one has an unknown type or option or lacks one, or its
            inputs are no stages or wait for itself. What is wrong with several is said at once.
    """
    if config.get('pipeline'):
        raise ValueError(
            f'{config.filename} has a list `pipeline`, as configs had before version 0.2: write '
            'stages = dict(cam=dict(type="Train"), ...), with the names as keys (docs/configs.md)'
        )
    if not config.get('stages'):
        raise ValueError(f'{config.filename} has no `stages`: inherit from a config in configs/')
    STAGES.import_from_location()
    stages: dict[str, Stage] = {}
    left_out: dict[str, str] = {}
    faults = Faults()
    for name, options in config.stages.items():
        if options is None:
            left_out[name] = 'is None'
            continue
        stage = None
        with faults.collect():
            stage = _build_stage(name, dict(options), config)
        if stage is None:
            left_out[name] = 'is left out, as the config has nothing to judge by'
        else:
            stages[name] = stage
    faults.say()
    _check_inputs(stages, left_out)
    return _in_order(stages)


def _build_stage(name: str, options: dict[str, Any], config: Config) -> Stage | None:
    where = f'stages.{name}'
    kind = options.pop('type', None)
    if kind not in STAGES.module_dict:
        hint = _hint(name, config) if kind is None else ''
        raise ValueError(f'{where}.type is {kind!r}{hint}; known are {sorted(STAGES.module_dict)}')
    target = STAGES.get(kind)
    defaults = target.defaults(config, options)
    if defaults is None:
        return None
    options = {**defaults, **options}
    check_keys(where, kind, set(options), target, {'name'})
    required = [
        parameter.name
        for parameter in inspect.signature(target).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind is not parameter.VAR_KEYWORD
        and parameter.name != 'name'
    ]
    if missing := [option for option in required if options.get(option) is None]:
        raise ValueError(f'{where} ({kind}) needs {", ".join(missing)}: add it in the config')
    check_values(where, options, target)
    return target(name, **options)


def refuse_unread(config: Config, changes: Mapping[str, Any] | None) -> None:
    """Raise ValueError at a change to a config that none of its stages reads.

    Args:
        config: Of a run, with its ``stages`` and the changes.
        changes: As given with ``--cfg-options``.
    """
    unread = [key for key in changes or () if key.partition('.')[0] in _OF_TESTS]
    if not unread or (config.get('model') or {}).get('decode_head'):
        return
    stages = build_stages(config).values()
    own = {stage.name for stage in stages if isinstance(stage, Train) and stage.config is None}
    if not any(stage.model in own for stage in stages if isinstance(stage, Test)):
        raise ValueError(
            f'option {unread[0]!r} changes nothing: no stage of {config.filename} tests the '
            'network of this config. Segmentors are tested on tested_on, and their options are '
            'stages.NAME.options'
        )


def _hint(name: str, config: Config) -> str:
    """Say what a stage without a type may be: another one's name, misspelt, or a new one."""
    known = [other for other, options in config.stages.items() if (options or {}).get('type')]
    near = difflib.get_close_matches(name, known, n=1)
    return f' (did you mean stages.{near[0]}?)' if near else ' (a new stage needs a type)'


def _check_inputs(stages: dict[str, Stage], left_out: dict[str, str]) -> None:
    for name, stage in stages.items():
        for source in stage.inputs():
            if source in left_out:
                raise ValueError(
                    f'stages.{name} reads {source!r}, which {left_out[source]}: name another '
                    f'stage, leave {name!r} out too ({name}=None), or give it a number where it '
                    f"takes one from {source!r} (bg_threshold='auto', scores=None needs no masks)"
                )
            if source not in stages:
                raise ValueError(
                    f'stages.{name} reads {source!r}, which is no stage; the stages are '
                    f'{list(stages)}'
                )
        for option, wanted in stage.wants.items():
            source = getattr(stage, option)
            if source == name or source not in stage.inputs():
                continue
            if stages[source].gives not in ('', wanted):
                fitting = [other for other, one in stages.items() if one.gives == wanted]
                raise ValueError(
                    f'stages.{name}.{option} is {source!r}, which makes no {wanted}; name one of '
                    f'{", ".join(fitting) or "those that do, of which there is none"}'
                )


def _in_order(stages: dict[str, Stage]) -> dict[str, Stage]:
    """Return the stages so that each comes after its inputs, else in the order given.

    What judges, and what nothing but a judge reads, comes as soon as it can: its figures are there
    before the next long work begins.
    """

    def turn(name: str) -> int:
        readers = [stage for stage in stages.values() if name in stage.inputs()]
        only_judged = bool(readers) and all(stage.judges for stage in readers)
        return 0 if stages[name].judges else 1 if only_judged else 2

    ordered: dict[str, Stage] = {}
    while len(ordered) < len(stages):
        waiting = [name for name in stages if name not in ordered]
        ready = [name for name in waiting if all(s in ordered for s in stages[name].inputs())]
        if not ready:
            raise ValueError(f'the stages {waiting} wait for one another: change their inputs')
        chosen = min(ready, key=turn)  # of equals the first
        ordered[chosen] = stages[chosen]
    return ordered
