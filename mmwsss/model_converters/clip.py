"""OpenAI's CLIP, as a file that says what model it is."""

import os

import torch

import mmwsss
from mmwsss.models.clip import build_clip, read_clip_file
from mmwsss.structures import atomic_path


def convert_clip(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> int:
    """Write the weights of a ViT CLIP as float32 tensors, with their architecture.

    open_clip has OpenAI's names, so none changes; every tensor of the file must be one of the model
    that its shapes describe, and every tensor of that model must be in the file.

    Args:
        source: OpenAI's TorchScript archive or its state dict, or a file of `mmwsss toy-clip`.
        target: The file to write, for ``model.backbone.pretrained`` with ``model_name=None``.

    Returns:
        Number of tensors written.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no ViT CLIP.
    """
    state, architecture = read_clip_file(str(source))
    if architecture is None:
        raise ValueError(
            f'{source} does not say what model it is, as the ViT CLIPs of OpenAI and of this '
            'package do: files of others need no conversion, but model.backbone.model_name'
        )
    try:
        model = build_clip(architecture)
        model.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f'{source} is no ViT CLIP of OpenAI: {error}') from error
    meta = {'open_clip': architecture, 'mmwsss_version': mmwsss.__version__}
    with atomic_path(target) as temporary:
        torch.save({'state_dict': model.state_dict(), 'meta': meta}, temporary)
    return len(state)
