"""Class prototypes from CLIP's text tower."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmwsss.models.backbones.frozen_clip import FrozenCLIP
from mmwsss.models.clip import encode_texts, weights_digest
from mmwsss.registry import MODELS
from mmwsss.structures import atomic_path

PROMPTS = Path(__file__).parent / 'prompts'


@MODELS.register_module()
class TextPrototypes(BaseModule):
    """One vector per class and one per background name, ``(P, D)``, rows of length one.

    A vector is the mean over templates of the encoded prompts, normalised before and after. It is
    computed when it is first asked for, and kept in a file of the cache folder
    (``~/.cache/mmwsss``, or ``MMWSSS_CACHE``) whose name is a hash of the weights and of all texts.

    Args:
        num_classes: Foreground classes ``N``; the first rows.
        embed_dims: ``D`` of the CLIP.
        names: The name of a list of this package (``voc``, ``coco``, ``coco_as_published``), a text
            file with one name per line, or the names themselves, in the order of the classes.
        background: Names of what is not a class: ``voc_background``, ``coco_background``, a file,
            or names; the other rows.
        templates: ``template_clip_es``, ``template_vpl``, ``template_single``, a file, or
            templates, each with ``{}`` where the name goes.
        init_cfg: mmengine's initialisation.

    Raises:
        FileNotFoundError: There is no such list.
        ValueError: The names are not as many as the classes, or a template has no ``{}``.
    """

    def __init__(
        self,
        num_classes: int,
        embed_dims: int = 512,  # ViT-B/16
        names: str | Sequence[str] = 'voc',
        background: str | Sequence[str] = 'voc_background',
        templates: str | Sequence[str] = 'template_clip_es',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.names = read_list(names) + read_list(background)
        self.templates = read_list(templates)
        found = len(read_list(names))
        if found != num_classes:
            raise ValueError(
                f'the prototypes have {found} names for {num_classes} classes: write one name a '
                'class, in the order of the classes, into a text file, and set '
                'model.cam_head.text.names to its path'
            )
        for template in self.templates:
            if '{}' not in template:
                raise ValueError(f'the template {template!r} has no {{}} for the name')
        self.vectors: Tensor
        self.ready: Tensor
        # not in checkpoints: the config says what they are
        zeros = torch.zeros(len(self.names), embed_dims)
        self.register_buffer('vectors', zeros, persistent=False)
        self.register_buffer('ready', torch.zeros((), dtype=torch.bool), persistent=False)

    def forward(self, clip: FrozenCLIP) -> Tensor:
        """Return the prototypes ``(P, D)``, computed by the text tower of `clip` if need be."""
        if not self.ready:
            self.set_vectors(self._cached(clip))
        return self.vectors

    def set_vectors(self, vectors: Tensor) -> None:
        """Take vectors from elsewhere.

        Args:
            vectors: ``(P, D)``; they are normalised.

        Raises:
            ValueError: They are of another number or length.
        """
        if vectors.shape != self.vectors.shape:
            raise ValueError(
                f'prototypes of shape {tuple(vectors.shape)} for {tuple(self.vectors.shape)} '
                '(names, dimensions): set model.cam_head.embed_dims to that of the CLIP'
            )
        self.vectors.copy_(F.normalize(vectors, dim=1))
        self.ready.fill_(True)

    def _cached(self, clip: FrozenCLIP) -> Tensor:
        if clip.pretrained is None:  # random weights: nothing worth keeping
            return self._encode(clip)
        key = [clip.model_name, weights_digest(clip.pretrained), self.names, self.templates]
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        path = cache_folder() / f'text_prototypes_{digest[:32]}.pt'
        if not path.is_file():
            vectors = self._encode(clip)
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary:
                torch.save(vectors, temporary)
        return torch.load(path, weights_only=True)  # a tensor, of our own cache

    def _encode(self, clip: FrozenCLIP) -> Tensor:
        prompts = [template.format(name) for name in self.names for template in self.templates]
        vectors = encode_texts(clip.model_name, clip.pretrained, prompts)
        return average_templates(vectors, len(self.templates))


def average_templates(vectors: Tensor, num_templates: int) -> Tensor:
    """Average each name's prompts (CLIP's prompt ensemble).

    Args:
        vectors: ``(P * num_templates, D)`` of length one, all templates of a name together.
        num_templates: Templates of a name.

    Returns:
        ``(P, D)`` of length one.
    """
    return F.normalize(vectors.unflatten(0, (-1, num_templates)).mean(dim=1), dim=1)


def read_list(source: str | Sequence[str]) -> list[str]:
    """Return a list of names or templates.

    Args:
        source: The list itself; a text file with one entry per line, where lines that begin with
            ``#`` and empty ones do not count; or the name of a list of this package.

    Raises:
        FileNotFoundError: There is no such list.
    """
    if not isinstance(source, str):
        return list(source)
    path = PROMPTS / f'{source}.txt'
    if not path.is_file():
        path = Path(source)
    if not path.is_file():
        known = ', '.join(sorted(file.stem for file in PROMPTS.glob('*.txt')))
        raise FileNotFoundError(f'{source} is no text file and none of the lists {known}')
    lines = (line.strip() for line in path.read_text(encoding='utf-8').splitlines())
    return [line for line in lines if line and not line.startswith('#')]


def cache_folder() -> Path:
    """Return the folder for what is computed once: ``MMWSSS_CACHE`` or ``~/.cache/mmwsss``."""
    return Path(os.environ.get('MMWSSS_CACHE') or Path.home() / '.cache' / 'mmwsss')
