import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import pytest

from mmwsss import registry
from mmwsss.structures import (
    Count,
    Positive,
    PositivePair,
    Range,
    Settings,
    check_choice,
    check_option,
    check_range,
)


@dataclass(frozen=True)
class Walk(Settings):
    where: ClassVar[str] = 'model.walk'

    steps: Annotated[int, Range(1)] = 8
    share: Annotated[float, Range(0, 1)] = 0.5
    limit: Annotated[int | None, Range(2, 5)] = None
    memory: Annotated[float, Range(0, 1, below_high=True)] = 0
    kind: Literal['random', 'straight'] = 'random'
    name: str = ''


def test_what_fits_is_taken():
    walk = Walk(steps=1, share=1, limit=5, kind='straight', name='anything')
    assert (walk.steps, walk.share, walk.limit, walk.kind) == (1, 1, 5, 'straight')
    assert Walk(memory=0.999).memory == 0.999
    assert Walk(share=0.0, limit=None) == Walk(share=0)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'steps': 0}, r'model\.walk\.steps is 0; it must be at least 1$'),
        ({'share': -0.1}, r'model\.walk\.share is -0\.1; it must lie in \[0, 1\]$'),
        ({'share': 1.1}, r'share is 1\.1; it must lie in'),
        ({'share': float('nan')}, r'share is nan; it must lie in'),
        ({'share': '0.5'}, r"share is '0\.5'; it must be a number$"),
        ({'memory': 1.0}, r'model\.walk\.memory is 1\.0; it must lie in \[0, 1\)$'),
        ({'limit': 6}, r'limit is 6; it must lie in \[2, 5\]$'),
        ({'kind': 'crooked'}, r"walk\.kind is 'crooked'; choose one of random, straight$"),
        ({'kind': None}, r'kind is None; choose one of'),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(options, message):
    with pytest.raises(ValueError, match=message):
        Walk(**options)


SHARE = Annotated[float, Range(0, 1)]


@pytest.mark.parametrize(
    ('hint', 'fitting', 'wrong', 'demand'),
    [
        (bool, (True, False), (1, 'yes', None), 'it must be True or False'),
        (int, (3, np.int64(3)), (3.0, True, '3', None), 'it must be a whole number'),
        (float, (3, 0.5, np.float32(1)), (True, '3', None), 'it must be a number'),
        (str, ('', 'a'), (3, None), 'it must be a text'),
        (SHARE | None, (0, 1.0, None), (15, -0.15), r'it must lie in \[0, 1\], or be None'),
        (SHARE | Literal['best'] | None, ('best',), ('bst',), 'number, or be one of best, None'),
        (Literal['a'] | None, ('a', None), ('b',), 'choose one of a, None'),
        (Annotated[int, Range(1)], (1,), (0, 1.5), 'it must be (at least 1|a whole number)'),
        (int | str, (3, 'a'), (1.5,), 'it must be a whole number'),
        (int | list[int], (3, [3], []), ('3', None), 'it must be (a whole number|a list)'),
        (list[int], ([], (3,), np.zeros(2)), (3, 'ab', None, {}), 'it must be a list'),
        (tuple[int, int], ([1, 2],), ((1,), (1, 2, 3)), 'it must have 2 entries'),
        (dict[str, int], ('not looked at',), (), ''),
    ],
)
def test_a_value_is_compared_with_the_type_of_its_option(hint, fitting, wrong, demand):
    for value in fitting:
        check_option('x', value, hint)
    for value in wrong:
        with pytest.raises(ValueError, match=rf'^x is {re.escape(repr(value))}; .*{demand}$'):
            check_option('x', value, hint)


@pytest.mark.parametrize(
    ('hint', 'value', 'message'),
    [
        (Sequence[Positive], [1.0, 0], r'x\.1 is 0; it must be above 0'),
        (tuple[Count, ...], (2, 1.5), r'x\.1 is 1\.5; it must be a whole number'),
        (Count | tuple[Count, Count], (2, 0), r'x\.1 is 0; it must be at least 1'),
        (PositivePair, (2, 1), r'x is \(2, 1\); its first number is the lower one'),
        (Positive, float('inf'), 'x is inf; it must be above 0 and finite'),
        (Annotated[float, Range(0, 1, above_low=True)], 0, r'it must lie in \(0, 1\]'),
    ],
)
def test_entries_and_edges(hint, value, message):
    with pytest.raises(ValueError, match=rf'{message}$'):
        check_option('x', value, hint)


def test_two_equal_numbers_are_in_order():
    check_option('x', (2, 2), PositivePair)


def test_settings_without_a_place_name_the_option_alone():
    @dataclass(frozen=True)
    class Bare(Settings):
        kind: Literal['a'] = 'a'

    with pytest.raises(ValueError, match=r"^kind is 'b'; choose one of a$"):
        Bare(kind='b')


def test_settings_cannot_be_changed():
    with pytest.raises(AttributeError):
        Walk().steps = 3


def test_choices_and_ranges_on_their_own():
    check_choice('x', 2, (1, 2))
    check_range('x', 2, Range(2, 2))
    with pytest.raises(ValueError, match=r'^x is 3; choose one of 1, 2$'):
        check_choice('x', 3, iter((1, 2)))


@pytest.mark.parametrize('parts', [registry.MODELS, registry.HOOKS, registry.STAGES])
def test_a_class_with_many_options_takes_them_as_settings(parts):
    parts.import_from_location()
    own = [part for part in parts.module_dict.values() if part.__module__.startswith('mmwsss.')]
    assert len(own) > 5
    for part in own:
        parameters = inspect.signature(part).parameters.values()
        plain = [p.name for p in parameters if isinstance(p.default, bool | int | float | str)]
        assert len(plain) <= 7, f'{part.__name__}: give it a frozen Settings for {plain}'
