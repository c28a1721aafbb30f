"""Which images a network has in its hands, for an error that is theirs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.hooks import Hook

from mmwsss.structures import image_size, is_out_of_memory

_SHOWN = 3  # images in a message


class CurrentImagesHook(Hook):
    """Notes the files of each batch before it is worked on."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Note the images of a training."""
        self.paths = sorted(_paths(data_batch))

    def before_test_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Note the images of a test, each of which has many views."""
        self.paths = sorted(_paths(data_batch))

    @contextmanager
    def naming_images(self, cure: str) -> Iterator[None]:
        """Say within the block at which images the memory was not enough.

        Args:
            cure: What to do.

        Raises:
            MemoryError: It was not enough.
        """
        try:
            yield
        except Exception as error:
            if not self.paths or not is_out_of_memory(error):
                raise
            height, width = max(map(image_size, self.paths), key=lambda size: size[0] * size[1])
            more = f' and {len(self.paths) - _SHOWN} more' if len(self.paths) > _SHOWN else ''
            raise MemoryError(
                f'out of memory at {", ".join(self.paths[:_SHOWN])}{more} (up to {width} x '
                f'{height} pixels): {cure}'
            ) from error


def _paths(batch: Any) -> set[str]:
    """Collect ``img_path`` of all data samples of a batch, however they are nested."""
    if isinstance(batch, dict):
        return _paths(batch.get('data_samples'))
    if isinstance(batch, list | tuple):
        return set().union(*map(_paths, batch))
    path = getattr(batch, 'img_path', None)
    return {path} if path else set()
