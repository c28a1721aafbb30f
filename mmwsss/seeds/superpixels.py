"""Superpixels of scikit-image: segments without any network."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from mmwsss.structures import Range, Settings


class Superpixels(Settings):
    """A way to cut an image into segments, with its settings as fields."""

    @abstractmethod
    def cut(self, image: np.ndarray) -> np.ndarray:
        """Cut an image into segments.

        Args:
            image: ``(H, W, 3)`` uint8, RGB.

        Returns:
            ``(H, W)`` integer, 1 and above.
        """


@dataclass(frozen=True)
class Felzenszwalb(Superpixels):
    """Graph-based segments (Felzenszwalb and Huttenlocher, IJCV 2004).

    Attributes:
        scale: Larger ones give larger segments.
        sigma: Width of the blur before, in pixels.
        min_size: Smaller segments, in pixels, are given to a neighbour.
    """

    scale: Annotated[float, Range(0)] = 100.0  # ours
    sigma: Annotated[float, Range(0)] = 0.8  # the paper, Sec. 5
    min_size: Annotated[int, Range(1)] = 50  # ours

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Merge neighbours whose colours differ no more than those within them."""
        from skimage.segmentation import felzenszwalb

        return 1 + felzenszwalb(image, scale=self.scale, sigma=self.sigma, min_size=self.min_size)


@dataclass(frozen=True)
class SLIC(Superpixels):
    """Clusters of colour and place (Achanta et al., TPAMI 2012).

    Attributes:
        n_segments: About so many.
        compactness: Weight of the place against the colour.
        sigma: Width of the blur before, in pixels.
    """

    n_segments: Annotated[int, Range(1)] = 200  # ours
    compactness: Annotated[float, Range(0)] = 10.0  # the paper, Sec. 3
    sigma: Annotated[float, Range(0)] = 0.0

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Cluster the pixels."""
        from skimage.segmentation import slic

        return slic(
            image,
            n_segments=self.n_segments,
            compactness=self.compactness,
            sigma=self.sigma,
            start_label=1,
        )


SUPERPIXELS: dict[str, type[Superpixels]] = {'felzenszwalb': Felzenszwalb, 'slic': SLIC}


def check_scikit_image() -> None:
    """Look for the package.

    Raises:
        ModuleNotFoundError: It is missing.
    """
    try:
        import skimage.segmentation  # noqa: F401
    except ImportError as error:
        raise ModuleNotFoundError(
            "superpixels are made by scikit-image, which is missing: pip install 'mmwsss[segments]'"
        ) from error
