"""What of a CLIP is one piece of FSDP."""

from open_clip.transformer import ResidualAttentionBlock
from torch import nn

from mmwsss.engine import wrap_clip_blocks
from mmwsss.registry import FUNCTIONS


def test_blocks_are_pieces_and_whatever_holds_them_is_looked_into():
    block = ResidualAttentionBlock(8, 2)
    assert FUNCTIONS.get('mmwsss.wrap_clip_blocks') is wrap_clip_blocks
    assert wrap_clip_blocks(block, False, 0)
    assert not wrap_clip_blocks(nn.Sequential(block), False, 0)
    assert not wrap_clip_blocks(block.attn, False, 10**9)
    assert wrap_clip_blocks(nn.Sequential(block), True, 0)
