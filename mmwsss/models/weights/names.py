"""How others name the tensors of a network, and what a file of weights seems to be."""

import re
from collections.abc import Iterable

from torch import Tensor

# timm's and DeiT's names in a block of a ViT -> mmpretrain's
VIT_BLOCK = {
    'norm1': 'ln1',
    'attn.qkv': 'attn.qkv',
    'attn.proj': 'attn.proj',
    'norm2': 'ln2',
    'mlp.fc1': 'ffn.layers.0.0',
    'mlp.fc2': 'ffn.layers.1',
}
_OF_BLOCK = re.compile(rf'blocks\.(\d+)\.({"|".join(map(re.escape, VIT_BLOCK))})\.(weight|bias)')
_OUTSIDE = {'patch_embed.proj.': 'patch_embed.projection.', 'norm.': 'ln1.'}
_TIMM_MARK = 'blocks.0.attn.qkv.weight'

# a name that only one kind of file has -> what that file is; the first that fits counts
_KINDS = (
    (r'edge_branch\..+', "a checkpoint of mmwsss's IRNet"),
    (r'cam_head\..+', "a checkpoint of one of mmwsss's classification networks"),
    (r'decode_head\..+', "a segmentor's checkpoint (mmseg's EncoderDecoder)"),
    (r'resnet50\.conv1\.weight', 'a released checkpoint of IRN or AMN: convert it'),
    (r'base\.layer1\.conv1\.conv\.weight', 'a released DeepLabV2 of Caffe: convert it'),
    (r'visual\.(?:conv1|class_embedding|proj).*', 'a CLIP with the names of OpenAI'),
    (r'(?:backbone\.)?layers\.0\.ln1\.weight', "a ViT with mmpretrain's names"),
    (re.escape(_TIMM_MARK), 'a ViT with the names of timm and DeiT'),
    (r'(?:backbone\.)?layer1\.0\.conv1\.weight', 'a ResNet of torchvision, mmseg or mmpretrain'),
    (r'(?:backbone\.)?conv1a\.weight', 'a ResNet38'),
    (r'(?:backbone\.)?stages\.0\.0\._depthwise_conv\.weight', "mmwsss's EfficientNet-Lite"),
    (r'(?:backbone\.)?network\..+', "mmwsss's TimmFeatures"),
    (r'_conv_stem\.weight', 'an EfficientNet of efficientnet_lite_pytorch'),
)
_BLOCK_NUMBER = re.compile(r'(?:.+\.)?(?:blocks|layers|resblocks)\.(\d+)\.')


def to_mmpretrain_vit(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give a ViT with timm's or DeiT's names those of mmpretrain.

    The numbers stay as they are: both networks compute the same. The last norm becomes ``ln1``, and
    a classifier (``head``) keeps its name, which no backbone has.

    Args:
        state: Name -> tensor.

    Returns:
        The same tensors; `state` itself if it has other names.
    """
    if _TIMM_MARK not in state:
        return state
    return {_mmpretrain_name(name): value for name, value in state.items()}


def describe(names: Iterable[str]) -> str:
    """Say in a few words what a file with these names of tensors seems to be.

    Example:
        >>> describe(['cls_token', 'blocks.0.attn.qkv.weight', 'blocks.1.attn.qkv.weight'])
        'a ViT with the names of timm and DeiT, of 2 blocks'
        >>> describe(['a.weight', 'b.weight'])
        "a network that mmwsss does not know, with names such as 'a.weight'"
    """
    names = list(names)
    for pattern, kind in _KINDS:
        if any(re.fullmatch(pattern, name) for name in names):
            blocks = {match[1] for name in names if (match := _BLOCK_NUMBER.match(name))}
            of_blocks = ' ViT ' in f'{kind} ' and blocks
            return f'{kind}, of {len(blocks)} blocks' if of_blocks else kind
    if not names:
        return 'empty'
    return f'a network that mmwsss does not know, with names such as {names[0]!r}'


def _mmpretrain_name(name: str) -> str:
    if match := _OF_BLOCK.fullmatch(name):
        return f'layers.{match[1]}.{VIT_BLOCK[match[2]]}.{match[3]}'
    if name.startswith('blocks.'):  # what mmpretrain's blocks lack; it keeps its place in `layers`
        return f'layers.{name.removeprefix("blocks.")}'
    for theirs, ours in _OUTSIDE.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name
