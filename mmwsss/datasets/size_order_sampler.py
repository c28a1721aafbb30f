"""The order in which images are seen where it does not matter to what becomes of them."""

from collections.abc import Iterator

from mmengine.dataset import BaseDataset, DefaultSampler

from mmwsss.registry import DATA_SAMPLERS
from mmwsss.structures import image_size


@DATA_SAMPLERS.register_module()
class SizeOrderSampler(DefaultSampler):
    """Images of one size one after the other, the largest first.

    cuDNN makes plans for each size of an image, and keeps those of a limited number of sizes; so
    it makes them once. A loader's batches hold images of one size, which views need to share a
    batch. And what is too large for the memory is met at the beginning.

    Several processes are dealt the images in turn, as by mmengine's `DefaultSampler`.

    Args:
        dataset: Its images say their ``img_path``; headers are read, and one that cannot be read
            comes last, for the loader to complain.
        seed: Not used: nothing is drawn. A Runner gives one to every sampler.
    """

    def __init__(self, dataset: BaseDataset, seed: int | None = None) -> None:
        super().__init__(dataset, shuffle=False, seed=0)
        sizes = [_size(dataset.get_data_info(index)['img_path']) for index in range(len(dataset))]
        places = range(len(dataset))
        self.order = sorted(places, key=lambda i: (-sizes[i][0] * sizes[i][1], sizes[i]))

    def __iter__(self) -> Iterator[int]:
        """Yield the indices of this process's images."""
        return (self.order[place] for place in super().__iter__())


def _size(path: str) -> tuple[int, int]:
    try:
        return image_size(path)
    except (OSError, ValueError):
        return 0, 0
