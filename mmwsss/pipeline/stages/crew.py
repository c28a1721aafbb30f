"""A run in processes that a launcher has started: torchrun, Slurm, `mmwsss run --nodes`."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import distributed

from mmwsss import compat

from .processes import RUNS

_PATIENCE = timedelta(days=30)  # the others wait while the first works on files


class Crew:
    """The processes of a launcher. The first one runs the stages; all join in where a network runs.

    They share a file system, and work in the same folder.

    Args:
        launcher: As mmengine names it: ``pytorch``, ``slurm`` or ``mpi``.

    Attributes:
        size: Number of processes.
        leads: This is the first one.
    """

    def __init__(self, launcher: str) -> None:
        self.launcher = launcher
        compat.join_process_group(launcher)
        # of its own, as that of a GPU would take the wait for a failure
        self._group = distributed.new_group(backend='gloo', timeout=_PATIENCE)
        self.size = distributed.get_world_size()
        self.leads = distributed.get_rank() == 0

    def run(self, name: str, config: Config, options: dict[str, Any]) -> dict[str, Any]:
        """In the first process: call one of `RUNS` in all of them.

        Args:
            name: Name of the function.
            config: Its first argument; has a ``work_dir``.
            options: Further arguments: strings, numbers, None.

        Returns:
            The figures that the function returns.
        """
        config.launcher = self.launcher
        path = Path(config.work_dir).resolve() / 'run.py'
        path.parent.mkdir(parents=True, exist_ok=True)
        config.dump(str(path))
        return _follow(self._share({'name': name, 'config': str(path), 'options': options}))

    def follow(self) -> None:
        """In another process: join in until the first one is done with its stages."""
        while order := self._share({}):
            _follow(order)

    def dismiss(self) -> None:
        """In the first process: say that its stages are done."""
        self._share({})

    def _share(self, order: dict[str, Any]) -> dict[str, Any]:
        """Return the order of the first process."""
        orders = [order]
        distributed.broadcast_object_list(orders, src=0, group=self._group)
        return orders[0]


def _follow(order: dict[str, Any]) -> dict[str, Any]:
    return RUNS[order['name']](Config.fromfile(order['config']), **order['options'])
