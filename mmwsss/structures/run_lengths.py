"""Run lengths of masks, as COCO and SAM write them."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def check_pycocotools() -> None:
    """Look for the package that reads and writes run lengths.

    Raises:
        ModuleNotFoundError: It is missing.
    """
    try:
        import pycocotools.mask  # noqa: F401
    except ImportError as error:
        raise ModuleNotFoundError(
            "COCO's run lengths and polygons are read by pycocotools, which is missing; install "
            "it: pip install 'mmwsss[coco]'"
        ) from error


def decode_run_lengths(segmentation: Mapping[str, Any]) -> np.ndarray:
    """Decode run lengths, compressed or as a list of numbers.

    Args:
        segmentation: ``size``, ``(H, W)``, and ``counts``.

    Returns:
        ``(H, W)`` bool.
    """
    from pycocotools import mask as run_lengths

    if isinstance(segmentation['counts'], list):
        segmentation = run_lengths.frPyObjects(dict(segmentation), *segmentation['size'])
    return run_lengths.decode(segmentation).astype(bool)


def encode_run_lengths(inside: np.ndarray) -> dict[str, Any]:
    """Encode ``(H, W)`` bool as JSON holds it: ``size`` and compressed ``counts``."""
    from pycocotools import mask as run_lengths

    encoded = run_lengths.encode(np.asfortranarray(inside.astype(np.uint8)))
    return {'size': [int(side) for side in encoded['size']], 'counts': encoded['counts'].decode()}
