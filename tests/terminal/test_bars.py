from contextlib import contextmanager

import pytest

from mmwsss.terminal import Bar, progress, reporting, track
from mmwsss.terminal.bars import INTERVAL, listening


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    times = [100.0]
    monkeypatch.setattr('mmwsss.terminal.bars.time.monotonic', lambda: times[0])
    return times


class Recorder:
    """Notes what is opened and drawn."""

    def __init__(self):
        self.opened, self.drawn, self.closed = [], [], 0

    @contextmanager
    def __call__(self, what, total, unit, initial):
        self.opened.append((what, total, unit, initial))
        yield Bar(total, unit, initial, lambda bar: self.drawn.append((bar.done, bar.note)))
        self.closed += 1


def test_a_bar_is_drawn_no_oftener_than_can_be_read(clock):
    drawn = []
    bar = Bar(10, 'image', 2, lambda bar: drawn.append(bar.done))
    bar.update()
    bar.update(2)  # at the same moment
    clock[0] += INTERVAL / 2
    bar.update()
    clock[0] += INTERVAL
    bar.update()
    assert drawn == [3, 7]
    assert bar.done == 7


def test_who_listens_gets_the_bars_and_no_one_else():
    recorder = Recorder()
    with listening(recorder):
        assert reporting()
        with progress('refine', 5, initial=1) as bar:
            bar.move(3, 'epoch 1/2', 'loss 1')
    assert not reporting()
    assert recorder.opened == [('refine', 5, 'image', 1)]
    assert recorder.drawn == [(3, 'loss 1')]
    assert recorder.closed == 1


def test_listening_ends_with_an_error():
    with pytest.raises(ValueError, match='stop'), listening(Recorder()):
        raise ValueError('stop')
    assert not reporting()


def test_without_a_listener_there_is_a_bar_of_tqdm(capsys):
    with progress('refine', 4, initial=1) as bar:
        bar.update(2)
    shown = capsys.readouterr().err
    assert 'refine' in shown
    assert '3/4' in shown


def test_going_through_items_is_silent_without_a_listener(capsys):
    assert list(track('collect', [1, 2], 'batch')) == [1, 2]
    assert list(track('collect', iter([1, 2]), 'batch')) == [1, 2]  # whose number is unknown
    recorder = Recorder()
    with listening(recorder):
        assert list(track('collect', [1, 2], 'batch')) == [1, 2]
    assert recorder.opened == [('collect', 2, 'batch', 0)]
    assert recorder.drawn[0][0] == 1
    assert capsys.readouterr() == ('', '')


def test_nobody_listens_by_importing():
    assert not reporting()
