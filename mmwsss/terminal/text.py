"""Numbers as people read them."""


def format_duration(seconds: float) -> str:
    """Return a time for people.

    Example:
        >>> format_duration(2.34), format_duration(75), format_duration(7322)
        ('2.3 s', '1 min 15 s', '2 h 02 min')
    """
    if round(seconds, 1) < 60:
        return f'{seconds:.1f} s'
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f'{hours} h {left:02d} min' if hours else f'{minutes} min {rest:02d} s'


def format_progress(done: int, total: int, unit: str, recent: int, seconds: float) -> str:
    """Return how far work is, how fast, and how long it will still take at that rate.

    Args:
        done: How much has been done.
        total: How much there is to do, in units.
        unit: What is counted: ``image``, ``step``, ...
        recent: How much of it in the last `seconds`.
        seconds: Since it began.

    Example:
        >>> format_progress(50, 200, 'image', 30, 10.0)
        ' 25%  50/200  3.0 image/s  50.0 s left'
        >>> format_progress(1, 4, 'epoch', 1, 30.0)
        ' 25%  1/4  30.0 s/epoch  1 min 30 s left'
        >>> format_progress(3, 4, 'image', 0, 2.0)
        ' 75%  3/4'
    """
    text = f'{100 * done // max(total, 1):3d}%  {done}/{total}'
    if not recent or not seconds:
        return text
    rate = recent / seconds
    speed = f'{rate:.1f} {unit}/s' if rate >= 1 else f'{1 / rate:.1f} s/{unit}'
    return f'{text}  {speed}  {format_duration(max(total - done, 0) / rate)} left'
