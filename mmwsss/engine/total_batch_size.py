"""The joint batch is what the recipe says, whoever started the training."""

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmwsss.registry import HOOKS


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
        if batch * processes != total:
            raise ValueError(
                f'{processes} process(es) with batches of {batch} make {batch * processes} images, '
                f'but total_batch_size is {total}: train with `mmwsss train` or tools/train.py, '
                'which share it, or set train_dataloader.batch_size'
            )
