"""What FSDP shares out in one piece."""

from torch import nn

from mmwsss.registry import FUNCTIONS


@FUNCTIONS.register_module()
def wrap_clip_blocks(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """Take each block of a CLIP's transformers as one piece, and the rest of a network as another.

    For ``auto_wrap_policy`` of mmengine's `MMFullyShardedDataParallel`.

    Args:
        module: Of the network.
        recurse: Asked whether to look into the module, and not whether it is a piece.
        nonwrapped_numel: Parameters in it; not used.

    Returns:
        The answer.
    """
    from open_clip.transformer import ResidualAttentionBlock

    return recurse or isinstance(module, ResidualAttentionBlock)
