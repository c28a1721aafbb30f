"""The joint batch is what the recipe says, whoever started the training."""

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmwsss.registry import HOOKS


def accumulated_batches(config: Config) -> int:
    """Return of how many batches a process adds up the gradients before a step; usually 1.

    What makes no sense counts as 1: `refuse_odd_values` says it.
    """
    stated = (config.get('optim_wrapper') or {}).get('accumulative_counts', 1)
    return stated if isinstance(stated, int) and stated >= 1 else 1


@HOOKS.register_module()
class TotalBatchSizeHook(Hook):
    """Refuse a training whose joint batch is not the config's ``total_batch_size``.

    Our commands share the batch among the processes; other ways to start a training, such as
    mmseg's own, take ``train_dataloader.batch_size`` as it stands. Nothing is compared where the
    config has no ``total_batch_size``, or mmengine's ``auto_scale_lr`` fits the rate to the batch.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare.

        Raises:
            ValueError: The batches of all processes together are another number of images.
        """
        total = runner.cfg.get('total_batch_size')
        if not total or (runner.cfg.get('auto_scale_lr') or {}).get('enable'):
            return
        batch, processes = runner.train_dataloader.batch_size, get_world_size()
        added_up = accumulated_batches(runner.cfg)
        images = batch * processes * added_up
        if images != total:
            times = f', {added_up} of which are added up,' if added_up > 1 else ''
            raise ValueError(
                f'{processes} process(es) with batches of {batch}{times} make {images} images, '
                f'but total_batch_size is {total}: train with `mmwsss train` or tools/train.py, '
                'which share it, or set train_dataloader.batch_size'
            )
