"""Peaks of memory, each from its own beginning on."""

import mmap

import pytest

from mmwsss.pipeline.memory import PeakMemory

MEGABYTES = 120


def allocate():
    size = MEGABYTES * 1024**2
    with mmap.mmap(-1, size) as block:  # new pages, which no freed memory can serve
        block.write(b'1' * size)


def test_a_peak_counts_from_the_beginning_of_a_stage_on():
    quiet = PeakMemory().megabytes()
    if 'process' not in quiet:
        pytest.skip('this system does not tell the peak of a process')
    busy = PeakMemory()
    allocate()
    peak = busy.megabytes()['process']
    assert peak > quiet['process'] + 0.8 * MEGABYTES
    after = PeakMemory().megabytes()['process']
    assert after < peak - 0.5 * MEGABYTES
