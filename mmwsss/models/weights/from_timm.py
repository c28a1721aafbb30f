"""Weights that timm has under the name of a network: ``timm://NAME``."""

from typing import Any

from mmengine import dist
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

PREFIX = 'timm://'


@CheckpointLoader.register_scheme(prefixes=PREFIX)
def load_from_timm(filename: str, map_location: Any = None) -> dict[str, Tensor]:
    """Read the weights of a network of timm, from the cache of the Hugging Face hub or from there.

    Args:
        filename: ``timm://`` and the name with its tag.
        map_location: Unused: files are read to the CPU.

    Returns:
        Name -> tensor, with timm's names.

    Raises:
        OSError: They are not in the cache, and cannot be fetched.
        ValueError: timm has no weights of this name.
    """
    from timm.models import get_pretrained_cfg

    name = filename.removeprefix(PREFIX)
    found = get_pretrained_cfg(name)
    if found is None or not found.hf_hub_id:
        raise ValueError(
            f'timm has no weights of {name}: choose a tag that has, set model.backbone.init_cfg to '
            'a file of yours, or model.backbone.pretrained=False'
        )
    if dist.is_main_process():
        _fetch(found.hf_hub_id)
    dist.barrier()
    return _fetch(found.hf_hub_id)  # where a machine has a disk of its own


def _fetch(hub_id: str) -> dict[str, Tensor]:
    from timm.models import load_state_dict_from_hf

    try:
        return load_state_dict_from_hf(hub_id, weights_only=True)
    except Exception as error:  # of the hub's client, whose classes differ between its versions
        reason = str(error).strip().partition('\n')[0]
        raise OSError(f'{hub_id} of the Hugging Face hub: {reason}') from error
