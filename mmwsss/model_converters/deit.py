"""A plain ViT's weights, to begin a class-token ViT with."""

import os

import torch
from mmengine.registry import init_default_scope
from torch import Tensor

import mmwsss
from mmwsss.models.backbones.class_token_vit import repeat_class_token
from mmwsss.models.weights import read_state_dict
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS
from mmwsss.structures import atomic_path

from .convert import convert_state_dict
from .layouts import TIMM_VIT, Layout

LAYOUT = Layout(
    'a ViT with a single class token (timm, DeiT, mmpretrain)',
    'configs/mctformer/mctformer_voc.py',
    (*TIMM_VIT, (r'backbone\.(.+)', r'backbone.\1')),
    constants=r'norm\.\w+|backbone\.ln1\.\w+|head\..+',  # what comes after the last block
)
_TOKENS = ('backbone.cls_token', 'backbone.pos_embed')


def convert_deit(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    config: str | os.PathLike[str] | None = None,
) -> int:
    """Write a plain ViT's weights for the backbone of a model with class tokens.

    Args:
        source: File with the names of timm or of mmpretrain.
        target: The file to write, for the backbone's ``init_cfg.checkpoint``; its tensors have the
            prefix ``backbone``.
        config: Of our model; `mctformer_voc.py` if not given.

    Returns:
        Number of tensors written.

    Raises:
        FileNotFoundError: There is no such file or config.
        ValueError: `source` is no such ViT, or does not fit the model.
    """
    settings = load_config(config or LAYOUT.config)
    init_default_scope('mmseg')
    whole = MODELS.build(settings.model).state_dict()
    expected = {name: value for name, value in whole.items() if name.startswith('backbone.')}
    try:
        released = repeat_tokens(read_state_dict(source), expected[_TOKENS[0]].shape[1])
        state = convert_state_dict(released, LAYOUT, expected)
    except ValueError as error:
        where = f'{source} is not {LAYOUT.title} for {settings.filename}'
        raise ValueError(f'{where}: {error}') from error
    meta = {'converted_from': LAYOUT.title, 'mmwsss_version': mmwsss.__version__}
    with atomic_path(target) as temporary:
        torch.save({'state_dict': state, 'meta': meta}, temporary)
    return len(state)


def repeat_tokens(released: dict[str, Tensor], number: int) -> dict[str, Tensor]:
    """Return `released` with its single class token and its position `number` times.

    Args:
        released: Name -> tensor; left alone if it has no class token, or more than one.
        number: Class tokens wanted.

    Raises:
        ValueError: They have not three axes.
    """
    names = {LAYOUT.rename(name): name for name in released}
    token, positions = (names.get(name) for name in _TOKENS)
    if token is None or positions is None:
        return released
    for name in (token, positions):
        if released[name].dim() != 3:
            raise ValueError(f'{name} is {tuple(released[name].shape)}, not (1, tokens, channels)')
    if released[token].shape[1] != 1:
        return released
    repeated = repeat_class_token(released[token], released[positions], number)
    return {**released, token: repeated[0], positions: repeated[1]}
