"""Building CLIP models of open_clip, by name or from a file."""

import dataclasses
import hashlib
import socket
import types
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
import torch.nn.functional as F
from torch import Tensor

from mmwsss.models.backbones.hybrid_embed import EfficientNetLite0Patches
from mmwsss.models.weights import describe, read_checkpoint
from mmwsss.models.weights.reading import state_dict_of

Architecture = dict[str, Any]
_SUFFIXES = ('.pt', '.pth', '.bin', '.safetensors')
_HEAD_WIDTH = 64  # channels of a head in every CLIP of OpenAI
_SIZES = ('input_resolution', 'context_length', 'vocab_size')  # of OpenAI's archives, no weights
_TOP_KEYS = ('embed_dim', 'vision_cfg', 'text_cfg', 'quick_gelu', 'patches')
_FOREIGN_TOWERS = ('hf_', 'timm_')  # keys by which open_clip fetches and builds others' networks
_SIZED_BY = {  # tensors whose shapes say what model it is, and their axes
    'visual.proj': 2,
    'visual.conv1.weight': 4,
    'visual.positional_embedding': 2,
    'token_embedding.weight': 2,
    'positional_embedding': 2,
}
_PATIENCE = 5.0  # seconds, ours
_TEXTS_AT_ONCE = 64  # ours: keeps the memory of the text tower small
_CURE = (
    "download the weights on a machine with a network (for OpenAI's: ViT-B-16.pt), put the file "
    'anywhere, and set model.backbone.pretrained to its path and model.backbone.model_name=None; '
    'the CLIP of toy size is made by `mmwsss toy-clip`'
)


def load_clip(
    model_name: str | Architecture | None, pretrained: str | None, which: str = 'all'
) -> Any:
    """Build a CLIP of open_clip with frozen float32 weights, in evaluation mode.

    Args:
        model_name: A name that open_clip knows, such as ``ViT-B-16-quickgelu``; an architecture,
            see `build_clip`; or None for what the file of weights says of itself (OpenAI's
            archives, and files of this package; others do not say).
        pretrained: A tag that open_clip knows (``openai``), the path of a file, or None for random
            weights, the same ones every time.
        which: ``all``, or ``visual`` for the image tower alone.

    Raises:
        ImportError: open_clip is not installed.
        FileNotFoundError: There is no such file.
        ValueError: The name or the weights are unknown, or they do not fit together.
        ConnectionError: The weights of a tag are not here and cannot be fetched.
    """
    open_clip = import_open_clip()
    if pretrained is not None and is_file_name(pretrained):
        state, own = read_clip_file(pretrained)
        architecture = own if model_name is None else _architecture_of(open_clip, model_name)
        if architecture is None:
            raise ValueError(
                f'{pretrained} does not say what model it is, and seems to be {describe(state)}: '
                'set model.backbone.model_name, or give a file of a CLIP'
            )
        model = build_clip(architecture)
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            seems = f'and seems to be {describe(state)}'
            raise ValueError(f'{pretrained} does not fit {model_name}, {seems}: {error}') from error
    elif pretrained is not None:
        model = _load_tag(open_clip, model_name, pretrained)
    else:
        if model_name is None:
            raise ValueError('set model.backbone.model_name, or pretrained to a file of weights')
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = build_clip(_architecture_of(open_clip, model_name))
    model = model.float().eval().requires_grad_(False)
    return model.visual if which == 'visual' else model


def build_clip(architecture: Architecture) -> Any:
    """Build a CLIP with random weights.

    Args:
        architecture: Arguments of ``open_clip.model.CLIP``: ``embed_dim``, ``vision_cfg``,
            ``text_cfg`` and ``quick_gelu``. With ``patches='efficientnet_lite0'`` the patch
            embedding is that network (a hybrid ViT, ours: CLIPs of toy size can learn with it).

    Raises:
        ValueError: `patches` is something else.
    """
    sizes = dict(architecture)
    patches = sizes.pop('patches', None)
    model = import_open_clip().model.CLIP(**sizes)
    if patches is not None:
        if patches != 'efficientnet_lite0':
            raise ValueError(f"patches={patches!r}; only 'efficientnet_lite0' is known")
        convolution = model.visual.conv1
        model.visual.conv1 = EfficientNetLite0Patches(
            3, convolution.out_channels, convolution.kernel_size, convolution.stride
        )
    return model


def import_open_clip() -> types.ModuleType:
    """Import open_clip.

    Raises:
        ImportError: It is not installed; the message says how to.
    """
    try:
        import open_clip
    except ImportError as error:
        raise ImportError(
            f'CLIP needs open_clip ({error}): pip install -r requirements/clip.txt'
        ) from error
    return open_clip


def is_file_name(pretrained: str) -> bool:
    """Tell whether weights are meant as a file and not as a tag of open_clip."""
    return Path(pretrained).suffix in _SUFFIXES or Path(pretrained).is_file()


def weights_digest(pretrained: str) -> str:
    """Return a text that changes when the weights do: the tag, or the SHA-256 of the file.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if not is_file_name(pretrained):
        return pretrained
    _check_file(pretrained)
    with Path(pretrained).open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def read_clip_file(path: str) -> tuple[dict[str, Tensor], Architecture | None]:
    """Read weights with OpenAI's names, whoever saved them.

    Args:
        path: OpenAI's TorchScript archive, a state dict, or a dict that holds one as ``state_dict``
            and, if this package wrote it, the architecture as ``meta.open_clip``.

    Returns:
        Name -> float32 tensor, and the architecture; None when the file is neither of this package
        nor has the three numbers beside the weights that OpenAI's have. CLIPs of others have the
        same names and shapes, but most have GELU in the place of QuickGELU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no weights, or more than weights, or values that are not finite.
    """
    _check_file(path)
    loaded = read_checkpoint(path)
    whole = state_dict_of(loaded, path)
    state = {name: value.float() for name, value in whole.items() if name not in _SIZES}
    meta = loaded.get('meta')
    own = meta.get('open_clip') if isinstance(meta, dict) else None
    try:
        if own is not None:
            check_architecture(own)
            return state, own
        return state, openai_architecture(state) if whole.keys() & set(_SIZES) else None
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error


def check_architecture(architecture: Any) -> None:
    """Check what a file says of its own architecture.

    Args:
        architecture: As for `build_clip`.

    Raises:
        ValueError: It is no dict, lacks a part, or has keys that a plain ViT CLIP has not, as those
            by which open_clip would fetch another network.
    """
    from open_clip.model import CLIPTextCfg, CLIPVisionCfg

    towers = {'vision_cfg': CLIPVisionCfg, 'text_cfg': CLIPTextCfg}
    sound = isinstance(architecture, dict) and 'embed_dim' in architecture
    if not sound or not all(isinstance(architecture.get(tower), dict) for tower in towers):
        raise ValueError('meta.open_clip must be a dict with embed_dim, vision_cfg and text_cfg')
    unknown = sorted(architecture.keys() - set(_TOP_KEYS))
    for tower, settings in towers.items():
        fields = {field.name for field in dataclasses.fields(settings)}
        known = {name for name in fields if not name.startswith(_FOREIGN_TOWERS)}
        unknown += [f'{tower}.{key}' for key in sorted(architecture[tower].keys() - known)]
    if unknown:
        raise ValueError(
            f'meta.open_clip has keys that no plain ViT CLIP has, {", ".join(unknown)}: set '
            'model.backbone.model_name to the name of the model in open_clip'
        )


def openai_architecture(state: dict[str, Tensor]) -> Architecture | None:
    """Read the sizes of a ViT CLIP from the shapes of its tensors, in OpenAI's names.

    Weights of others have the same names and mostly GELU in the place of QuickGELU, which shapes do
    not tell: `read_clip_file` asks only for files that are OpenAI's.

    Returns:
        Arguments of ``open_clip.model.CLIP``; None if the names are others.

    Raises:
        ValueError: The names are OpenAI's, but a tensor that says a size is missing, or is none of
            theirs.
    """
    if not {'visual.proj', 'visual.conv1.weight', 'token_embedding.weight'} <= state.keys():
        return None
    for name, dims in _SIZED_BY.items():
        if name not in state or state[name].dim() != dims:
            what = f'is {tuple(state[name].shape)}' if name in state else 'is not there'
            raise ValueError(
                f"the names are those of OpenAI's ViT CLIP, but {name}, a tensor of {dims} axes, "
                f'{what}: take the whole file that its authors released'
            )
    width, _, patch, _ = state['visual.conv1.weight'].shape
    vocabulary, text_width = state['token_embedding.weight'].shape
    side = round((len(state['visual.positional_embedding']) - 1) ** 0.5)
    return {
        'embed_dim': state['visual.proj'].shape[1],
        'quick_gelu': True,
        'vision_cfg': {
            'image_size': side * patch,
            'patch_size': patch,
            'width': width,
            'head_width': _HEAD_WIDTH,
            'layers': _count_blocks(state, 'visual.transformer.'),
        },
        'text_cfg': {
            'context_length': len(state['positional_embedding']),
            'vocab_size': vocabulary,
            'width': text_width,
            'heads': max(text_width // _HEAD_WIDTH, 1),
            'layers': _count_blocks(state, 'transformer.'),
        },
    }


@torch.no_grad()
def encode_texts(
    model_name: str | Architecture | None, pretrained: str | None, texts: Sequence[str]
) -> Tensor:
    """Encode texts.

    Args:
        model_name: Name in open_clip, or None, as for `load_clip`.
        pretrained: Tag of open_clip, file, or None, as for `load_clip`.
        texts: ``T`` of them.

    Returns:
        ``(T, D)``, each of length one.

    Raises:
        ValueError: The model's vocabulary is not that of CLIP's tokenizer.
    """
    open_clip = import_open_clip()
    model = load_clip(model_name, pretrained)
    tokenizer = open_clip.SimpleTokenizer(context_length=model.context_length)
    if model.vocab_size != tokenizer.vocab_size:
        raise ValueError(
            f'the text tower knows {model.vocab_size} tokens and the tokenizer of CLIP '
            f'{tokenizer.vocab_size}: give the prototypes of such a model as vectors'
        )
    parts = [
        model.encode_text(tokenizer(list(texts[start : start + _TEXTS_AT_ONCE])))
        for start in range(0, len(texts), _TEXTS_AT_ONCE)
    ]
    return F.normalize(torch.cat(parts), dim=-1)


def _architecture_of(open_clip: types.ModuleType, model_name: str | Architecture) -> Architecture:
    if not isinstance(model_name, str):
        return dict(model_name)
    found = open_clip.get_model_config(model_name)
    if found is None or 'vision_cfg' not in found:
        raise ValueError(
            f'open_clip knows no model {model_name!r}; see open_clip.list_models() for its names'
        )
    return {
        'embed_dim': found['embed_dim'],
        'vision_cfg': found['vision_cfg'],
        'text_cfg': found['text_cfg'],
        'quick_gelu': found.get('quick_gelu', False),
    }


def _load_tag(
    open_clip: types.ModuleType, model_name: str | Architecture | None, pretrained: str
) -> Any:
    if not isinstance(model_name, str):
        raise ValueError(
            f'the tag {pretrained!r} needs a model_name that open_clip knows, not {model_name!r}'
        )
    known = open_clip.list_pretrained_tags_by_model(model_name)
    if pretrained not in known:
        raise ValueError(
            f'open_clip knows no weights {pretrained!r} of {model_name!r}, but {known}; a file of '
            f'weights must exist and end in one of {_SUFFIXES}'
        )
    wanted = open_clip.get_pretrained_cfg(model_name, pretrained).get('quick_gelu', False)
    if wanted != _architecture_of(open_clip, model_name)['quick_gelu']:
        raise ValueError(
            f'the weights {pretrained!r} of {model_name!r} were trained with '
            f'{"QuickGELU" if wanted else "GELU"}, and that model has the other: choose the name '
            f'{"with" if wanted else "without"} "-quickgelu"'
        )
    settings = open_clip.get_pretrained_cfg(model_name, pretrained)
    if archive := _openai_cache(settings):
        return load_clip(model_name, archive)
    if cached := _hub_cache(settings):
        return open_clip.create_model(model_name, pretrained=cached)
    try:
        _check_connection()
        return open_clip.create_model(model_name, pretrained=pretrained)
    except Exception as error:  # urllib, requests and huggingface_hub have one each
        raise ConnectionError(
            f'the weights {pretrained!r} of {model_name} are not here and could not be fetched '
            f'({type(error).__name__}): {_CURE}'
        ) from error


def _openai_cache(settings: dict[str, Any]) -> str | None:
    """Return the file of weights that OpenAI's own package has fetched, or None."""
    name = Path(settings.get('url', '')).name
    path = Path('~/.cache/clip', name).expanduser()
    return str(path) if name and path.is_file() else None


def _hub_cache(settings: dict[str, Any]) -> str | None:
    """Return the file of weights that open_clip has fetched from the hub, or None."""
    import huggingface_hub
    from open_clip import constants

    repo_id, _, name = settings.get('hf_hub', '').rpartition('/')
    names = [name] if name else [constants.HF_SAFE_WEIGHTS_NAME, constants.HF_WEIGHTS_NAME]
    for name in names:
        found = huggingface_hub.try_to_load_from_cache(repo_id, name) if repo_id else None
        if isinstance(found, str):
            return found
    return None


def _check_connection() -> None:
    """Raise OSError if the hub cannot be reached; the hub's package would try again and again."""
    from huggingface_hub import constants

    address = urlsplit(urllib.request.getproxies().get('https') or constants.ENDPOINT)
    port = address.port or {'http': 80}.get(address.scheme, 443)
    socket.create_connection((address.hostname, port), timeout=_PATIENCE).close()


def _check_file(path: str) -> None:
    if not Path(path).is_file():
        raise FileNotFoundError(f'there are no CLIP weights {path}: {_CURE}')


def _count_blocks(state: dict[str, Tensor], prefix: str) -> int:
    blocks = f'{prefix}resblocks.'
    return len({name[len(blocks) :].split('.')[0] for name in state if name.startswith(blocks)})
