import threading

import pytest

from mmwsss.evaluation import background_writer
from mmwsss.evaluation.background_writer import BackgroundWriter


def test_calls_come_in_order_and_from_another_thread():
    calls = []
    writer = BackgroundWriter()
    for number in range(20):
        writer.submit(lambda n: calls.append((n, threading.get_ident())), number)
    writer.wait()
    assert [number for number, _ in calls] == list(range(20))
    assert len({thread for _, thread in calls} - {threading.get_ident()}) == 1
    writer.submit(calls.clear)  # it goes on after a wait
    writer.wait()
    assert not calls


def fail():
    raise OSError('the disk is full')


def test_what_a_call_raises_is_raised_by_the_next_one_or_by_wait():
    writer, may = BackgroundWriter(), threading.Event()
    writer.submit(may.wait)
    writer.submit(fail)
    may.set()
    with pytest.raises(OSError, match='full'):
        for _ in range(2 * background_writer.AHEAD):
            writer.submit(print)
    writer.wait()
    writer.submit(fail)
    with pytest.raises(OSError, match='full'):
        writer.wait()


def test_no_more_wait_than_may(monkeypatch):
    monkeypatch.setattr(background_writer, 'AHEAD', 2)
    writer, may, started = BackgroundWriter(), threading.Event(), []

    def work(number):
        started.append(number)
        assert may.wait(60)

    writer.submit(work, 0)
    writer.submit(work, 1)
    blocked = threading.Thread(target=writer.submit, args=(work, 2))
    blocked.start()
    blocked.join(0.2)
    assert blocked.is_alive() and 2 not in started
    may.set()
    blocked.join(60)
    writer.wait()
    assert started == [0, 1, 2]
