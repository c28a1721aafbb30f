"""The support bank of CPAL: the latest instance prototypes of each class, and their clusters."""

from typing import Annotated

import torch
import torch.nn.functional as F
from mmengine import dist
from torch import Tensor, nn

from mmwsss.functional.cpal import cluster_means
from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.structures import Range

from .clustering import cluster_assignment

_CURE = (
    "load a checkpoint of this data set, or set num_classes; with background='prototype' of "
    'model.prototype_head the background counts as a class, so set it as in the training'
)


class SupportBank(nn.Module):
    """First-in-first-out bank of instance prototypes, and the context prototypes made of it.

    All state is in buffers: it travels in the checkpoint, and a resumed run goes on bit for bit.
    Every process holds the same bank, if `enqueue` is given the rows of all processes.

    Args:
        num_classes: ``N``; one more where the background has rows as a class has.
        channels: ``D``.
        length: Entries per class.
        num_prototypes: ``Np``, context prototypes per class.
        normalize: Bring entries to unit length.

    Attributes:
        entries: ``(N, length, D)``.
        count: Filled entries of each class, ``(N,)``.
        context: Context prototypes, ``(N, Np, D)``.
        context_count: How many of them a class has, ``(N,)``.
    """

    entries: Tensor
    count: Tensor
    cursor: Tensor
    context: Tensor
    context_count: Tensor

    def __init__(
        self,
        num_classes: int,
        channels: int,
        length: Annotated[int, Range(1)] = 1000,  # CPAL Sec. 4.1
        num_prototypes: Annotated[int, Range(1)] = 50,  # CPAL Sec. 4.1
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.length = length
        self.normalize = normalize
        self.register_buffer('entries', torch.zeros(num_classes, length, channels))
        self.register_buffer('count', torch.zeros(num_classes, dtype=torch.long))
        self.register_buffer('cursor', torch.zeros(num_classes, dtype=torch.long))
        self.register_buffer('context', torch.zeros(num_classes, num_prototypes, channels))
        self.register_buffer('context_count', torch.zeros(num_classes, dtype=torch.long))
        refuse_other_class_count(self, 'entries', _CURE)

    @torch.no_grad()
    def enqueue(self, rows: Tensor, class_index: Tensor, kept: Tensor | None = None) -> None:
        """Store instance prototypes; the oldest of a full class give way.

        Args:
            rows: ``(M, D)``.
            class_index: ``(M,)``.
            kept: Which rows are stored, ``(M,)`` bool; None for all.
        """
        if self.normalize:
            rows = F.normalize(rows, dim=1)
        if kept is None:
            kept = torch.ones_like(class_index, dtype=torch.bool)
        # no more at once than the bank is long, so that all have slots of their own
        for part in zip(*(x.split(self.length) for x in (rows, class_index, kept)), strict=True):
            self._store(*part)

    def _store(self, rows: Tensor, class_index: Tensor, kept: Tensor) -> None:
        """Write `length` rows at most. To choose the kept ones by a mask would wait for a GPU."""
        one_hot = F.one_hot(class_index, len(self.count))  # (M, N)
        new, rest = one_hot * kept[:, None], one_hot * ~kept[:, None]
        number = new.sum(0)
        # A row's rank among those of its class: rows before it of the same class. So one assignment
        # writes all classes, and the order of the rows is the order in the bank. Those that are not
        # kept come last, and put back what is in their slots.
        rank = torch.where(kept[:, None], new.cumsum(0) - new, number + rest.cumsum(0) - rest)
        rank = rank.gather(1, class_index[:, None])[:, 0]
        slot = (self.cursor[class_index] + rank) % self.length
        old = self.entries[class_index, slot]
        self.entries[class_index, slot] = torch.where(kept[:, None], rows.to(old), old)
        self.cursor.copy_((self.cursor + number) % self.length)
        self.count.copy_((self.count + number).clamp(max=self.length))

    def empty(self) -> None:
        """Take out all entries; context prototypes stay."""
        self.count.zero_()
        self.cursor.zero_()

    @torch.no_grad()
    def update_context(self, seed: int) -> None:
        """Cluster each class's entries into context prototypes (Eq. 5), on rank 0 for all.

        Args:
            seed: Seed of k-means; class ``n`` uses ``seed + n``.

        Raises:
            ValueError: The bank is empty.
        """
        if not int(self.count.sum()):
            raise ValueError(
                'the support bank is empty, nothing to cluster: let it fill for an epoch first '
                '(warmup_epochs >= 1, or prefill=True), and lower tau if no CAM exceeds it'
            )
        if dist.is_main_process():
            self.context.zero_()
            self.context_count.zero_()  # a class that was forgotten may not have come again
            for index, filled in enumerate(self.count.tolist()):
                self._cluster_class(index, filled, seed + index)
        # One process clusters for all: another might round otherwise, and banks must stay equal.
        dist.broadcast(self.context)
        dist.broadcast(self.context_count)

    def _cluster_class(self, index: int, filled: int, seed: int) -> None:
        if not filled:
            return
        entries = self.entries[index, :filled]
        assignment = cluster_assignment(entries, self.context.shape[1], seed)
        number = int(assignment.max()) + 1
        self.context[index, :number] = cluster_means(entries, assignment, number)
        self.context_count[index] = number
