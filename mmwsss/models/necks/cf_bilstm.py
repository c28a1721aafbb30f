"""CF-BiLSTM: two-way LSTMs along the rows and columns of a grid of patches (CPF-CTE, Sec. 3.3)."""

from collections.abc import Callable
from functools import partial
from typing import Literal, get_args

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmwsss.registry import MODELS
from mmwsss.structures import check_choice

_HEIGHT, _WIDTH = 1, 2  # axes of a grid (B, H, W, C)


class RowColumnScan(nn.Module):
    """Scan rows and columns, each with a two-way LSTM of its own (Fig. 2; Eq. 3 to 5 on a line).

    Args:
        in_channels: Channels ``C``.
        hidden_channels: Of the state of one direction, ``d``.
        merge: What to do with the states along the row and along the column, each
            ``(B, H, W, 2d)``.
        out_channels: What `merge` makes of ``2d`` channels.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        merge: Callable[[Tensor, Tensor], Tensor],
        out_channels: int,
    ) -> None:
        super().__init__()
        self.rows = nn.LSTM(in_channels, hidden_channels, bidirectional=True)
        self.columns = nn.LSTM(in_channels, hidden_channels, bidirectional=True)
        self.merge = merge
        self.out_channels = out_channels

    def forward(self, grid: Tensor) -> Tensor:
        """Turn ``(B, H, W, C)`` into ``(B, H, W, out_channels)``."""
        return self.merge(
            scan_lines(self.rows, grid, along=_WIDTH), scan_lines(self.columns, grid, along=_HEIGHT)
        )


class PathScan(nn.Module):
    """Scan all patches as one sequence with a two-way LSTM (Eq. 3 to 5 as printed).

    Args:
        in_channels: Channels ``C``.
        hidden_channels: Of the state of one direction, ``d``.
        path: Gives the order of the patches for a height and a width.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, path: Callable[[int, int], Tensor]
    ) -> None:
        super().__init__()
        self.lstm = nn.LSTM(in_channels, hidden_channels, bidirectional=True, batch_first=True)
        self.path = path
        self.out_channels = 2 * hidden_channels

    def forward(self, grid: Tensor) -> Tensor:
        """Turn ``(B, H, W, C)`` into ``(B, H, W, 2d)``."""
        height, width = grid.shape[1:3]
        order = self.path(height, width).to(grid.device, non_blocking=True)
        states, _ = self.lstm(grid.flatten(1, 2)[:, order])  # (B, H * W, 2d)
        return states[:, order.argsort()].unflatten(1, (height, width))


def scan_lines(lstm: nn.LSTM, grid: Tensor, along: int) -> Tensor:
    """Scan all lines of a grid in one batched call.

    Args:
        lstm: Two-way, sequence first, with ``d`` states a direction.
        grid: ``(B, H, W, C)``.
        along: Axis of a line's steps: 2 scans rows, ``B * H`` sequences of length ``W``; 1 scans
            columns, ``B * W`` sequences of length ``H``.

    Returns:
        ``(B, H, W, 2d)``, the forward direction first.
    """
    lines = grid.movedim(along, 0)  # (steps, B, lines of an image, C)
    states, _ = lstm(lines.flatten(1, 2))  # (steps, B * lines, 2d)
    return states.unflatten(1, lines.shape[1:3]).movedim(0, along)


def raster_path(height: int, width: int) -> Tensor:
    """Order row by row, each from left to right: ``(H * W,)``.

    Example:
        >>> raster_path(2, 3)
        tensor([0, 1, 2, 3, 4, 5])
    """
    return torch.arange(height * width)


def snake_path(height: int, width: int) -> Tensor:
    """Order row by row, every second from right to left: each step is to a neighbour, ``(H * W,)``.

    Example:
        >>> snake_path(2, 3)
        tensor([0, 1, 2, 5, 4, 3])
    """
    order = torch.arange(height * width).view(height, width)
    order[1::2] = order[1::2].flip(1)
    return order.flatten()


def concatenate(rows: Tensor, columns: Tensor) -> Tensor:
    """Both side by side, ``(B, H, W, 4d)``, rows first."""
    return torch.cat([rows, columns], dim=-1)


def _concat_scan(in_channels: int, hidden: int) -> RowColumnScan:
    return RowColumnScan(in_channels, hidden, concatenate, 4 * hidden)


def _sum_scan(in_channels: int, hidden: int) -> RowColumnScan:
    return RowColumnScan(in_channels, hidden, torch.add, 2 * hidden)


_SCANS: dict[str, Callable[[int, int], RowColumnScan | PathScan]] = {
    'hv_concat': _concat_scan,
    'hv_sum': _sum_scan,
    'raster': partial(PathScan, path=raster_path),
    'snake': partial(PathScan, path=snake_path),
}
Direction = Literal['hv_concat', 'hv_sum', 'raster', 'snake', 'none']
DIRECTIONS = get_args(Direction)


@MODELS.register_module()
class CFBiLSTM(BaseModule):
    """Let neighbouring patches exchange context, and map the states back (CPF-CTE, Eq. 3 to 6).

    Padding is scanned as the rest is.

    Args:
        in_channels: Channels ``C`` of a patch; Eq. 6 returns as many.
        hidden_channels: Of the state of one direction, ``d``.
        direction: ``hv_concat`` (rows and columns, side by side), ``hv_sum`` (their sum),
            ``raster`` (one sequence, row by row), ``snake`` (the same, every second row backwards)
            or ``none`` (the features as they are, for Table 4).
        forget_bias: Bias that the forget gates begin with; None leaves torch's, about 0. A negative
            one closes them: the cells of the LSTMs then begin with remembering no other patch, and
            learn to, which a network needs that learns from few images (ours).
        init_cfg: mmengine's initialisation.

    Raises:
        ValueError: The direction is unknown.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 192,  # ViT-PCM; the paper does not say
        direction: Direction = 'hv_concat',
        forget_bias: float | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('direction', direction, DIRECTIONS)
        self.scan: nn.Module = nn.Identity()
        self.projection: nn.Module = nn.Identity()
        if direction != 'none':
            scan = _SCANS[direction](in_channels, hidden_channels)
            self.scan = scan
            self.projection = nn.Linear(scan.out_channels, in_channels)
            if forget_bias is not None:
                _set_forget_bias(scan, forget_bias)

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Refine the last of the stage features, each ``(B, C_s, H_s, W_s)``."""
        return (*features[:-1], self.refine(features[-1]))

    def refine(self, features: Tensor) -> Tensor:
        """Refine the patches of one grid: ``(B, C, H, W)`` in and out."""
        states = self.scan(features.permute(0, 2, 3, 1))  # (B, H, W, 4d or 2d)
        return self.projection(states).permute(0, 3, 1, 2)


def _set_forget_bias(scan: nn.Module, value: float) -> None:
    """Set the bias of all forget gates; torch adds two vectors, each in the order i, f, g, o."""
    for lstm in (module for module in scan.modules() if isinstance(module, nn.LSTM)):
        gate = slice(lstm.hidden_size, 2 * lstm.hidden_size)
        for name, parameter in lstm.named_parameters():
            if name.startswith('bias'):
                parameter.data[gate] = value if name.startswith('bias_ih') else 0.0
