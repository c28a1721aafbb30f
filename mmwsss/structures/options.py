"""Options of a class: checked in one place, and told to whoever checks a config."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

INFINITY = float('inf')
_PLAIN: dict[Any, tuple[type, str]] = {  # numpy's numbers count
    bool: (bool, 'True or False'),
    int: (Integral, 'a whole number'),
    float: (Real, 'a number'),
    str: (str, 'a text'),
}


@dataclass(frozen=True)
class Range:
    """The smallest and the largest value of a number, as in ``Annotated[float, Range(0, 1)]``.

    Attributes:
        low: It and what is above may be.
        high: It and what is below may be.
        below_high: `high` itself may not be.
        above_low: `low` itself may not be.
    """

    low: float
    high: float = INFINITY
    below_high: bool = False
    above_low: bool = False


@dataclass(frozen=True)
class Ascending:
    """Of a pair of numbers: the first is not above the second."""


Count = Annotated[int, Range(1)]
Share = Annotated[float, Range(0, 1)]
Positive = Annotated[float, Range(0, above_low=True)]
PositivePair = Annotated[tuple[Positive, Positive], Ascending()]


@dataclass(frozen=True)
class NestedOptions:
    """An option that is a dict without a type: who takes its keys.

    A class whose config holds such dicts says so, and a misspelt key in one is found before a run
    begins, in this package's classes and in another's::

        nested_options: ClassVar = {'bank': NestedOptions(SupportBank, given=('num_classes',))}

    In the same way ``extra_keywords: ClassVar = SomeSettings`` says who takes the further keywords
    of a class with ``**settings``, where that is not its base class.

    Attributes:
        taker: The class or function that is called with the dict.
        given: What of it the class gives itself, so that no config may.
    """

    taker: Callable
    given: Iterable[str] = ()


@dataclass(frozen=True)
class Settings:
    """Base of frozen settings, which check themselves by the types of their fields.

    A field ``Literal['a', 'b']`` must be one of the two, one ``Annotated[float, Range(0, 1)]`` must
    lie in the range; `check_option` has the rules. A config names the fields flat, among the
    options of the class that has them.

    Attributes:
        where: Place of the options in a config, for messages.

    Raises:
        ValueError: A value is none of its choices, or out of its range.

    Example:
        >>> @dataclass(frozen=True)
        ... class Walk(Settings):
        ...     where: ClassVar[str] = 'model.walk'
        ...     steps: Annotated[int, Range(1)] = 8
        ...     kind: Literal['random', 'straight'] = 'random'
        >>> Walk(steps=3).steps
        3
        >>> Walk(kind='curved')
        Traceback (most recent call last):
        ...
        ValueError: model.walk.kind is 'curved'; choose one of random, straight
    """

    where: ClassVar[str] = ''

    def __post_init__(self) -> None:
        """Check every field."""
        hints = get_type_hints(type(self), include_extras=True)
        for name in (field.name for field in fields(self)):
            option = f'{self.where}.{name}' if self.where else name
            check_option(option, getattr(self, name), hints[name])


def check_option(option: str, value: Any, hint: Any) -> None:
    """Compare a value with a type that says what it may be.

    Such types are ``Literal`` choices, ``Annotated[..., Range(...)]``, ``bool``, ``int``,
    ``float``, ``str``, None, tuples and sequences of these, and alternatives of them; other types
    are not looked at.

    Args:
        option: Name of the option, for the message.
        value: What was given.
        hint: Its annotation.

    Raises:
        ValueError: The value is none of what it may be.

    Example:
        >>> check_option('power', 0.5, Annotated[float, Range(0, 1)] | Literal['best'] | None)
        >>> check_option('power', 15, Annotated[float, Range(0, 1)] | Literal['best'] | None)
        Traceback (most recent call last):
        ...
        ValueError: power is 15; it must lie in [0, 1], or be one of best, None
        >>> check_option('scales', [1.0, 0], Sequence[Annotated[float, Range(0, above_low=True)]])
        Traceback (most recent call last):
        ...
        ValueError: scales.1 is 0; it must be above 0
    """
    if get_origin(hint) in (Union, UnionType):
        _check_alternatives(option, value, get_args(hint))
    elif get_origin(hint) in (tuple, list, Sequence):
        _check_entries(option, value, get_args(hint))
    elif get_origin(hint) is Literal:
        check_choice(option, value, get_args(hint))
    elif get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        check_option(option, value, inner)
        for limits in notes:
            if isinstance(limits, Range) and value is not None:
                check_range(option, value, limits)
            elif isinstance(limits, Ascending) and value[0] > value[1]:
                raise ValueError(f'{option} is {tuple(value)}; its first number is the lower one')
    elif hint in _PLAIN:
        kind, wanted = _PLAIN[hint]
        # Python's True is a number, a config's is none
        if not isinstance(value, kind) or (isinstance(value, bool) and hint is not bool):
            raise ValueError(f'{option} is {value!r}; it must be {wanted}')


def _check_entries(option: str, value: Any, hints: Sequence[Any]) -> None:
    """Raise ValueError if a value is no list, or an entry of it is none of what it may be."""
    if value is None or isinstance(value, str | Real | dict):
        raise ValueError(f'{option} is {value!r}; it must be a list')
    if not isinstance(value, list | tuple):
        return  # an array, or what else Python code may give
    if len(hints) == 1 or hints[-1] is Ellipsis:
        hints = [hints[0]] * len(value)
    elif len(value) != len(hints):
        raise ValueError(f'{option} is {value}; it must have {len(hints)} entries')
    for index, (entry, hint) in enumerate(zip(value, hints, strict=True)):
        check_option(f'{option}.{index}', entry, hint)


def _check_alternatives(option: str, value: Any, hints: Iterable[Any]) -> None:
    """Raise ValueError if a value fits none of several types."""
    choices: list[object] = []
    others = []
    for hint in hints:
        if hint is NoneType:
            choices.append(None)
        elif get_origin(hint) is Literal:
            choices += get_args(hint)
        else:
            others.append(hint)
    if value in choices:
        return
    errors = []
    for hint in others:
        try:
            check_option(option, value, hint)
        except ValueError as error:
            errors.append(str(error))
        else:
            return
    if not errors:
        check_choice(option, value, choices)
    one = 'one of ' if len(choices) > 1 else ''
    more = f', or be {one}{", ".join(map(str, choices))}' if choices else ''
    # of a list the entry that is wrong
    inside = next((error for error in errors if error.startswith(f'{option}.')), errors[0])
    raise ValueError(inside + more)


def check_choice(option: str, value: object, choices: Iterable[object]) -> None:
    """Raise ValueError if an option is none of its choices.

    Args:
        option: Its name, with the place in a config where it is known.
        value: What was given.
        choices: What there is.

    Example:
        >>> check_choice('direction', 'up', ['left', 'right'])
        Traceback (most recent call last):
        ...
        ValueError: direction is 'up'; choose one of left, right
    """
    choices = list(choices)
    if value not in choices:
        raise ValueError(f'{option} is {value!r}; choose one of {", ".join(map(str, choices))}')


def check_range(option: str, value: float, limits: Range) -> None:
    """Raise ValueError if a number is not in its range.

    Args:
        option: Its name, with the place in a config where it is known.
        value: What was given.
        limits: Where it must lie.

    Example:
        >>> check_range('top_k', 0, Range(1))
        Traceback (most recent call last):
        ...
        ValueError: top_k is 0; it must be at least 1
        >>> check_range('tau', 1.5, Range(0, 1))
        Traceback (most recent call last):
        ...
        ValueError: tau is 1.5; it must lie in [0, 1]
        >>> check_range('momentum', 1, Range(0, 1, below_high=True))
        Traceback (most recent call last):
        ...
        ValueError: momentum is 1; it must lie in [0, 1)
    """
    if not isinstance(value, Real):
        raise ValueError(f'{option} is {value!r}; it must be a number')
    on_edge = (limits.below_high and value == limits.high) or (
        limits.above_low and value == limits.low
    )
    if limits.low <= value <= limits.high and not on_edge and math.isfinite(value):
        return
    if limits.high == INFINITY:
        least = 'above' if limits.above_low else 'at least'
        finite = ' and finite' if value == INFINITY else ''
        raise ValueError(f'{option} is {value}; it must be {least} {limits.low}{finite}')
    begin, end = '(' if limits.above_low else '[', ')' if limits.below_high else ']'
    raise ValueError(f'{option} is {value}; it must lie in {begin}{limits.low}, {limits.high}{end}')
