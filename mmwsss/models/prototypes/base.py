"""The contract of a plug-in: what `CAMSegmentor`, hooks and loops ask of a prototype head."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor

from mmwsss.models.views import Views
from mmwsss.structures import CAMOutput


class BasePrototypeHead(BaseModule):
    """A plug-in: the config's ``prototype_head``, which makes second maps of any host's output.

    It reads a `CAMOutput` and the image label, and nothing else of the host. A new plug-in
    implements `loss` and `predict`; the other methods are for plug-ins with a memory. State lives
    in buffers, so that it travels in the checkpoint.

    Args:
        num_classes: Foreground classes ``N``, those of the host.
        init_cfg: mmengine's initialisation.

    Attributes:
        has_background: Whether the maps have a background of their own; then `predict` gives
            ``N + 1`` of them, background first, of any sign, and `merge_views` makes the seed's.
    """

    has_background: bool = False

    def __init__(self, num_classes: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.num_classes = num_classes

    @classmethod
    def gives_background(cls, options: Mapping[str, Any]) -> bool:
        """Say of a config's options, before anything is built, what `has_background` will be.

        Args:
            options: Of the config's ``prototype_head``.
        """
        return cls.has_background

    @abstractmethod
    def loss(self, output: CAMOutput, image_label: Tensor) -> dict[str, Tensor]:
        """Return the losses by name, names that no host has; called once per training step.

        A parameter that has no gradient in some step is an error in distributed training: add zero
        times it.

        Args:
            output: Of the host, with gradient.
            image_label: ``(B, N)`` of 0 and 1.
        """

    @abstractmethod
    def predict(self, output: CAMOutput, image_label: Tensor) -> Tensor:
        """Return the maps that a seed holds as ``pacam``, of one view.

        Args:
            output: What the host computed for the batch.
            image_label: ``(B, N)`` of 0 and 1.

        Returns:
            Maps on any grid, zero in the padding and for absent classes, and not divided by their
            maximum, because views are added up first. Without a background of its own
            ``(B, N, h, w)``, non-negative; with one, see `has_background`, ``(B, N + 1, h, w)``,
            background first, of any sign.
        """

    def merge_views(self, views: Views) -> tuple[Tensor, Tensor]:
        """Make an image's maps and background of those of its views; with `has_background` alone.

        A plug-in without a background leaves the merging to the host.

        Args:
            views: Of `predict`, the background and the present classes, each ``(1 + k, h, w)``.

        Returns:
            ``(k, h, w)`` and ``(h, w)``, both in [0, 1].
        """
        raise NotImplementedError

    def collect(self, output: CAMOutput, image_label: Tensor) -> None:
        """Take in a batch without a loss, as ``prefill`` and `CollectLoop` ask for.

        Args:
            output: Of the host, without gradient.
            image_label: ``(B, N)`` of 0 and 1.
        """

    def forget(self) -> None:
        """Empty the memory of what was taken in; context prototypes stay until the next update."""

    def update_context_prototypes(self, seed: int) -> None:
        """Make context prototypes of what was taken in; `ContextPrototypeHook` says when.

        `BankFillLoop` asks for it, too, after its pass. A plug-in that needs none does nothing.

        Args:
            seed: Of all that is random in it, another one each time.
        """
