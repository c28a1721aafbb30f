"""`mmwsss new`: survey, recipe, config."""

import os
import re
from pathlib import Path

import torch

from mmwsss.datasets import save_image_labels
from mmwsss.pipeline.backbones import read_backbone
from mmwsss.shipped import shipped_backbones
from mmwsss.structures import atomic_path, check_choice

from .config_file import format_config
from .recipe import BACKBONES, METHODS, choose_recipe
from .survey import Survey, survey


def write_new_config(
    folder: str | os.PathLike[str],
    label_file: str | os.PathLike[str] | None = None,
    method: str = 'cpal',
    backbone: str | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> tuple[Path, Survey]:
    """Look at a folder of photographs and write a config for them.

    Beside the config stand the labels, where a training cannot read them as they are, and a list
    of the images, where some cannot be used.

    Args:
        folder: The photographs.
        label_file: Their labels; None looks for them in the folder.
        method: One of `METHODS`.
        backbone: One of `BACKBONES` or of `mmwsss.shipped.shipped_backbones`; None: ResNet-50 where
            there is a GPU, else EfficientNet-Lite0.
        out: The config; ``<name of the folder>.py`` when None.
        overwrite: Take the place of a config that is there.

    Returns:
        The path of the config, and what was found.

    Raises:
        FileExistsError: The config is there, and not to be overwritten.
        FileNotFoundError: There is no folder, no photograph, or no labels.
        ValueError: The labels are malformed or belong to none of the photographs, or there is no
            such method or backbone.
    """
    check_choice('method', method, METHODS)
    has_gpu = torch.cuda.is_available()
    usual = 'resnet50' if has_gpu else 'efficientnet_lite0'
    check_choice('backbone', backbone or usual, sorted({*BACKBONES, *shipped_backbones()}))
    other = backbone if backbone not in (None, *BACKBONES) else None
    backbone = usual if other or not backbone else backbone
    folder = Path(folder).expanduser()
    label_file = Path(label_file).expanduser() if label_file else None
    path = Path(out).expanduser() if out else Path(f'{config_name(folder)}.py')
    if path.suffix != '.py':
        raise ValueError(f'{path} is no name of a config: let it end in .py')
    if path.exists() and not overwrite:
        raise FileExistsError(f'{path} is there: give another name, --out FILE, or remove it')
    found = survey(folder, label_file)
    labels, image_list = _write_beside(path, found)
    text = format_config(
        found,
        choose_recipe(found, method, backbone),
        path=path,
        label_file=labels,
        image_list=image_list,
        backbone=backbone,
        other_backbone=read_backbone(other) if other else None,
        machine='a GPU' if has_gpu else 'no GPU',
    )
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding='utf-8')
    return path, found


def config_name(folder: str | os.PathLike[str]) -> str:
    """Return the name of a folder as that of a file of Python.

    Example:
        >>> config_name('data/My photos (2024)')
        'my_photos_2024'
    """
    words = re.findall(r'\w+', Path(folder).resolve().name.lower())
    return '_'.join(words) or 'images'


def _write_beside(path: Path, found: Survey) -> tuple[Path, Path | None]:
    """Write the labels and the list of the images where they are needed; return their paths."""
    labels, image_list = found.label_file, None
    if not found.as_it_is:
        labels = path.with_name(f'{path.stem}_labels.json')
        save_image_labels(labels, found.labels)
    if found.left_out:
        image_list = path.with_name(f'{path.stem}_images.txt')
        with atomic_path(image_list) as temporary:
            temporary.write_text(''.join(f'{i}\n' for i in found.sizes), encoding='utf-8')
    return labels, image_list
