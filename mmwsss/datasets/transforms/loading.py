"""Reading images with errors that name the file."""

import cv2
from mmcv.transforms import LoadImageFromFile

from mmwsss.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """mmcv's `LoadImageFromFile` that names a file it cannot read.

    The arguments are those of mmcv.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no image, or damaged.
    """

    def transform(self, results: dict) -> dict | None:
        """Read ``img_path`` into ``img``, ``(H, W, 3)`` uint8 in BGR order."""
        path = results['img_path']
        try:
            return super().transform(results)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'There is no image {path}; check `data_root`.') from error
        except (AssertionError, OSError, cv2.error) as error:
            raise ValueError(
                f'{path} cannot be decoded as an image; replace the file, or take its id out of '
                'the image list.'
            ) from error
