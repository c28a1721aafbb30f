"""Reading images with the reader of all stages."""

from mmcv.transforms import BaseTransform

from mmwsss.registry import TRANSFORMS
from mmwsss.structures import read_image


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Reads an image as every stage does, see `mmwsss.structures.read_image`.

    Required key: ``img_path``. Added: ``img``, ``img_shape``, ``ori_shape``.
    """

    def transform(self, results: dict) -> dict:
        """Read ``img_path`` into ``img``, ``(H, W, 3)`` uint8 in BGR order.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is no image, or damaged.
        """
        path = results['img_path']
        try:
            image = read_image(path)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'There is no image {path}; check `data_root`.') from error
        results['img'] = image[..., ::-1].copy()
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results
