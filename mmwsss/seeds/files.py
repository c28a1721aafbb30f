"""The seed file: the maps of one image between CAM generation and everything that follows."""

import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
import torch

from mmwsss.functional.cam import normalize_by_max
from mmwsss.structures.files import atomic_path
from mmwsss.structures.options import check_choice

Source = Literal['cam', 'pacam', 'sum']
SOURCES: tuple[Source, ...] = get_args(Source)
META_FILE = 'meta.json'
_MAPS = ('cam', 'pacam', 'background', 'pacam_background')  # all but the first may be missing
MAX_CLASSES = 254  # a pseudo mask is uint8: background, then these, then 255 for "ignore"


@dataclass
class Seed:
    """Maps of the classes present in one image.

    Attributes:
        classes: **Foreground** class indices 0..N-1, ascending, ``(k,)``. The index of a class in a
            mask is one more, because 0 is background there.
        cam: ``(k, h, w)`` in [0, 1].
        size: ``(H, W)`` of the image; the maps may lie on a coarser grid.
        pacam: Prototype-aware CAM (CPAL Eq. 13), ``(k, h, w)`` in [0, 1].
        background: The host's own background map, ``(h, w)`` in [0, 1].
        pacam_background: The PACAM's own, ``(h, w)`` in [0, 1], where its background has a
            prototype; it competes with `pacam` alone.
        extent: ``(H', W')`` pixels that the maps cover from the upper left corner, where these are
            not just the image: then they are stretched to it and cropped.

    Raises:
        ValueError: A shape, a class or a value is out of place.
    """

    classes: np.ndarray
    cam: np.ndarray
    size: tuple[int, int]
    pacam: np.ndarray | None = None
    background: np.ndarray | None = None
    pacam_background: np.ndarray | None = None
    extent: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check, and bring the arrays to their dtypes."""
        self.classes = np.asarray(self.classes)
        _check_classes(self.classes)
        self.classes = self.classes.astype(np.int16)
        if np.ndim(self.cam) != 3:
            raise ValueError(f'cam must be (k, h, w), not {np.shape(self.cam)}')
        grid = np.shape(self.cam)[1:]
        self.cam = _check_map('cam', self.cam, (len(self.classes), *grid))
        if self.pacam is not None:
            self.pacam = _check_map('pacam', self.pacam, self.cam.shape)
        if self.background is not None:
            self.background = _check_map('background', self.background, grid)
        if self.pacam_background is not None:
            if self.pacam is None:
                raise ValueError('pacam_background needs a pacam, which it competes with')
            self.pacam_background = _check_map('pacam_background', self.pacam_background, grid)
        if np.shape(self.size) != (2,) or min(self.size) < 1:
            raise ValueError(f'size must be the (H, W) of the image, not {self.size}')
        self.size = (int(self.size[0]), int(self.size[1]))
        if self.extent is not None:
            if np.shape(self.extent) != (2,) or (np.array(self.extent) < self.size).any():
                raise ValueError(f'extent must cover the image of {self.size}, not {self.extent}')
            self.extent = (int(self.extent[0]), int(self.extent[1]))

    @property
    def sources(self) -> tuple[Source, ...]:
        """What `maps` can give: all of `SOURCES`, or ``cam`` alone without a PACAM."""
        return SOURCES if self.pacam is not None else SOURCES[:1]

    def maps(self, source: str) -> np.ndarray:
        """Return the maps of one source on the grid of the file.

        Args:
            source: ``cam``, ``pacam``, or ``sum``: both divided by their spatial maximum, added,
                and divided by the spatial maximum of the sum, class by class.

        Returns:
            ``(k, h, w)`` float32 in [0, 1].

        Raises:
            ValueError: The source is unknown, or the seed has no PACAM.
        """
        check_choice('source', source, SOURCES)
        if source == 'cam':
            return self.cam
        if self.pacam is None:
            raise ValueError(
                f'source {source!r} needs a PACAM, but this seed has a cam only: generate seeds '
                "with a model that has a prototype head, or choose source 'cam'"
            )
        if source == 'pacam':
            return self.pacam
        cam, pacam = torch.from_numpy(self.cam), torch.from_numpy(self.pacam)
        return normalize_by_max(normalize_by_max(cam) + normalize_by_max(pacam)).numpy()

    def own_background(self, source: str) -> np.ndarray | None:
        """Return the background that the maps of a source compete with, or None without one.

        Args:
            source: ``pacam`` has its own, if there is one; all others have the host's.

        Returns:
            ``(h, w)`` float32 in [0, 1] on the grid of the file.
        """
        if source == 'pacam' and self.pacam_background is not None:
            return self.pacam_background
        return self.background

    def full_size(self, source: str) -> np.ndarray:
        """Return the maps of one source in the size of the image, ``(k, H, W)`` float32."""
        return self._to_image(self.maps(source))

    def full_size_background(self, source: str) -> np.ndarray | None:
        """Return `own_background` in the size of the image, ``(H, W)`` float32, or None."""
        own = self.own_background(source)
        return None if own is None else self._to_image(own[None])[0]

    def _to_image(self, maps: np.ndarray) -> np.ndarray:
        """Bring maps ``(k, h, w)`` to the size of the image."""
        height, width = self.size
        return resize_maps(maps, self.extent or self.size)[:, :height, :width]


def resize_maps(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize maps bilinearly, as torch does with ``align_corners=False``.

    OpenCV does the same sum four times faster, up to the rounding of torch's float32 coordinates.

    Args:
        maps: ``(k, h, w)`` float32; ``k`` may be 0.
        size: ``(H, W)``.

    Returns:
        ``(k, H, W)`` float32.
    """
    resized = np.empty((len(maps), *size), dtype=np.float32)
    for target, source in zip(resized, maps, strict=True):
        cv2.resize(source, size[::-1], dst=target, interpolation=cv2.INTER_LINEAR)
    return resized


def save_seed(path: str | os.PathLike[str], seed: Seed) -> None:
    """Write a seed; the same seed gives the same bytes.

    Args:
        path: Where to, ``<id>.npz``.
        seed: What; maps are rounded to float16.
    """
    arrays: dict[str, Any] = {'classes': seed.classes, 'size': np.array(seed.size, dtype=np.int32)}
    for name in _MAPS:
        maps = getattr(seed, name)
        if maps is not None:
            arrays[name] = maps.astype(np.float16)
    if seed.extent is not None:
        arrays['extent'] = np.array(seed.extent, dtype=np.int32)
    with atomic_path(path) as temporary, temporary.open('wb') as file:
        np.savez_compressed(file, **arrays)


def load_seed(path: str | os.PathLike[str]) -> Seed:
    """Read a seed.

    Args:
        path: A file of `save_seed`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged or is no seed.
    """
    with _seed_archive(path) as archive:
        maps = {name: archive[name].astype(np.float32) for name in _MAPS if name in archive}
        extent = tuple(archive['extent']) if 'extent' in archive else None
        size = tuple(archive['size'])
        return Seed(classes=archive['classes'], size=size, extent=extent, **maps)


def load_seed_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Read the image size ``(H, W)`` of a seed without its maps; raises as `load_seed` does."""
    with _seed_archive(path) as archive:
        height, width = archive['size']
        return int(height), int(width)


def write_meta(seed_dir: str | os.PathLike[str], meta: dict[str, Any]) -> None:
    """Write what a folder of seeds was made with (config, checkpoint, scales, split, versions)."""
    with atomic_path(Path(seed_dir) / META_FILE) as temporary:
        temporary.write_text(json.dumps(meta, indent=2, sort_keys=True) + '\n', encoding='utf-8')


def read_meta(seed_dir: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `write_meta` wrote.

    Raises:
        FileNotFoundError: The folder has no such file.
        ValueError: The file is damaged.
    """
    path = Path(seed_dir) / META_FILE
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing: run `mmwsss seeds` first')
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(
            f'{path} is damaged ({error}): delete it and run `mmwsss seeds` again'
        ) from error


@contextmanager
def _seed_archive(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a seed file; whatever is wrong with it is said with its name and the cure."""
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path} is missing: run `mmwsss seeds` first')
    try:
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise _damaged(path, error) from error


def _damaged(path: str | os.PathLike[str], error: Exception) -> ValueError:
    return ValueError(
        f'{path} is no sound seed file ({error}): delete it and run `mmwsss seeds` again'
    )


def _check_classes(classes: np.ndarray) -> None:
    if classes.ndim != 1 or (classes.size and not np.issubdtype(classes.dtype, np.integer)):
        raise ValueError('classes must be a list of foreground class indices')
    if (np.diff(classes) <= 0).any():
        raise ValueError(f'classes must ascend, each once: {classes.tolist()}')
    if classes.size and not 0 <= classes[0] <= classes[-1] < MAX_CLASSES:
        raise ValueError(f'classes must lie in 0..{MAX_CLASSES - 1}: {classes.tolist()}')


def _check_map(name: str, maps: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the map as contiguous float32 if shape and values are right."""
    maps = np.ascontiguousarray(maps, dtype=np.float32)
    if maps.shape != shape or 0 in shape[-2:]:
        raise ValueError(f'{name} must have the shape {shape}, not {maps.shape}')
    if maps.size and not (maps.min() >= 0 and maps.max() <= 1):
        raise ValueError(f'{name} must lie in [0, 1]: {maps.min()}..{maps.max()}')
    return maps
