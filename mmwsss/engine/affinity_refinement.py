"""When a one-stage network's decoder begins to choose the attention of its CAMs."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmwsss.models.segmentors import OneStageSegmentor
from mmwsss.registry import HOOKS

from .running_model import unwrapped_model


@HOOKS.register_module()
class AffinityRefinementHook(Hook):
    """Let the decoder's affinity refine the CAMs from an epoch on (WeCLIP).

    Until then the affinity learns and CAMs are CLIP-ES's: an affinity that has not learnt yet
    chooses at random. The state is in the network's `refining`, hence in the checkpoint.

    Args:
        epoch: The first epoch, counted from 0, in which it does.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def before_train(self, runner: Runner) -> None:
        """Look for the network.

        Raises:
            ValueError: It is another one, or its affinity does not learn.
        """
        if _network(runner).affinity_loss is None:
            raise ValueError(
                'an affinity that does not learn refines nothing: add model.affinity_loss, or take '
                'AffinityRefinementHook out of custom_hooks'
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Begin, in the epoch or, after a resume, in a later one."""
        if runner.epoch >= self.epoch:
            _network(runner).refining.fill_(True)


def _network(runner: Runner) -> OneStageSegmentor:
    network = unwrapped_model(runner)
    if not isinstance(network, OneStageSegmentor):
        raise ValueError(
            f'AffinityRefinementHook is for a mmwsss.OneStageSegmentor, and the model is a '
            f'{type(network).__name__}: take it out of custom_hooks'
        )
    return network
