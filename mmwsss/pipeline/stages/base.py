"""What a stage is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from mmengine.config import Config

from mmwsss.pipeline.workspace import Workspace


class Stage(ABC):
    """One step from files to files.

    A subclass lists in `takes` which of its options name earlier stages; the order of the stages
    follows from them. What they must give, a network, seeds or masks, may be said in `wants`.

    Args:
        name: Of the stage and of its folder.
    """

    takes: ClassVar[tuple[str, ...]] = ()
    wants: ClassVar[Mapping[str, str]] = {}  # by option
    gives: ClassVar[str] = ''  # empty for a stage that does not say it
    judges: ClassVar[bool] = False  # whether it compares with ground truth, and writes nothing else

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def defaults(cls, config: Config, options: dict[str, Any]) -> dict[str, Any] | None:
        """Return the options that a config gives to all stages of this type.

        Args:
            config: With the stages.
            options: Of one stage, which go before these.

        Returns:
            The options, or None: the config says that the stage is to be left out.
        """
        return {}

    def inputs(self) -> list[str]:
        """Return the names of the earlier stages whose files this one reads."""
        return [getattr(self, option) for option in self.takes if getattr(self, option)]

    def check(self, workspace: Workspace) -> None:  # noqa: B027 (nothing to check by default)
        """Raise an error in one sentence if the stage cannot work; called before all stages."""

    def seed_sources(self, workspace: Workspace) -> tuple[str, ...]:
        """Return which maps the seeds of this stage have; none if it writes no seeds."""
        return ()

    def seed_backgrounds(self, workspace: Workspace) -> tuple[str, ...]:
        """Return which backgrounds of their own the seeds of this stage have, as `Seed` names them.

        By default the host's: nobody can say of a stage that does not say it.
        """
        return ('background',)

    def network_config(self, workspace: Workspace) -> Config | None:
        """Return the config of the network that this stage trains; None if it trains none."""
        return None

    @abstractmethod
    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Return all that decides the stage's files beside its inputs, as JSON."""

    @abstractmethod
    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Do the work; return figures (JSON) for the table and the report.

        Args:
            workspace: Folder, config and stages of the run.
            resume: The folder holds the beginnings of the same work.
        """

    def summary(self, figures: dict[str, Any]) -> str:
        """Return in a few words what came out, for the line of the stage on a terminal."""
        return ', '.join(f'{name} {value:.1f}' for name, value in self.rows(figures).items())

    def rows(self, figures: dict[str, Any]) -> dict[str, float]:
        """Return the rows of the table that the figures of `run` make, by what they are of."""
        return {}
