"""How much memory a stage takes at most."""

import resource
from collections.abc import Mapping
from pathlib import Path

import torch

_RESET = Path('/proc/self/clear_refs')  # of Linux
_STATUS = Path('/proc/self/status')
_PEAK_OF_RSS = '5'  # what is reset: see proc(5)
_KILOBYTES = 1024


class PeakMemory:
    """The peaks of memory from a moment on: of this process, of its children, of its GPU.

    A child counts if it takes more than every child before that moment. Where the system does not
    tell, there is no figure.
    """

    def __init__(self) -> None:
        self._children = _children()
        try:
            _RESET.write_text(_PEAK_OF_RSS)
            self._is_told = True
        except OSError:
            self._is_told = False
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()

    def megabytes(self) -> dict[str, float]:
        """Return ``process``, the largest of the processes, and ``gpu``, each if it is known."""
        peaks = {}
        children = _children()
        if self._is_told:
            largest = max(peak_megabytes(), children if children > self._children else 0.0)
            peaks['process'] = round(largest, 1)
        if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
            peaks['gpu'] = round(torch.cuda.max_memory_allocated() / _KILOBYTES**2, 1)
        return peaks


def format_memory(megabytes: Mapping[str, float]) -> str:
    """Return peaks as text; empty where none is known.

    Args:
        megabytes: As `PeakMemory.megabytes` gives them.

    Example:
        >>> format_memory({'process': 2048.0, 'gpu': 512.0})
        '2.0 GB, 0.5 GB on the GPU'
    """
    places = {'process': '', 'gpu': ' on the GPU'}
    known = [(megabytes[key], where) for key, where in places.items() if megabytes.get(key)]
    return ', '.join(f'{peak / _KILOBYTES:.1f} GB{where}' for peak, where in known)


def peak_megabytes() -> float:
    """Return the peak of this process in MB (Linux); ``ru_maxrss`` would count its parent's too."""
    lines = _STATUS.read_text(encoding='utf-8').splitlines()
    peak = next(line for line in lines if line.startswith('VmHWM'))
    return int(peak.split()[1]) / _KILOBYTES


def _children() -> float:
    """Return the peak of the largest child that has ended, in MB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _KILOBYTES
