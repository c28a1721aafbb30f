"""A trained segmentor of a run, ready to predict the masks of new images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.device import get_device
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope

from mmwsss.models.inference import prepare_for_inference
from mmwsss.registry import MODELS
from mmwsss.seeds.masks import voc_palette

from .class_counts import config_classes, config_palette
from .finding import find_segmentor
from .network import load_network
from .predictions import without_annotations


@dataclass
class Segmentor:
    """A segmentor with its weights.

    Attributes:
        network: In evaluation mode, with test-time augmentation where it is asked for.
        pipeline: Reads an image file and makes the network's views of it.
        classes: Names in the order of the labels in a mask, background first.
        palette: Colours of a mask, ``(256, 3)`` uint8.
        checkpoint: The file of the weights.
    """

    network: BaseModel
    pipeline: Compose
    classes: tuple[str, ...]
    palette: np.ndarray
    checkpoint: Path

    @torch.no_grad()
    def predict(self, image: str | Path) -> np.ndarray:
        """Return the mask of an image, ``(H, W)`` uint8: 0 background, then the classes.

        Args:
            image: An image file; the mask has its size, after the rotation of its camera.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is no image, or damaged.
        """
        views = self.pipeline({'img_path': str(image)})
        [sample] = self.network.test_step(pseudo_collate([views]))
        return sample.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8)


def open_segmentor(source: str | Path, tta: bool = True, device: str | None = None) -> Segmentor:
    """Open the segmentor of a run whose training ended last.

    Args:
        source: Work folder or config of the run, as for `find_segmentor`.
        tta: Merge the views of its ``tta_pipeline``, as its test does; else one view.
        device: Where the network works; None for the first GPU, or the CPU without one.

    Raises:
        FileNotFoundError: There is no segmentor whose training has ended.
        ValueError: The checkpoint is not that of the config, or the config names no classes.
    """
    config, checkpoint = find_segmentor(source)
    classes = config_classes(config)
    if classes is None:
        raise ValueError(f'{config.filename} names no classes: set metainfo of its data set')
    init_default_scope(config.get('default_scope', 'mmseg'))
    network = load_network(config.model, checkpoint)
    views = config.test_dataloader.dataset.pipeline
    if tta and config.get('tta_model'):
        network = MODELS.build({**config.tta_model, 'module': network})
        views = config.tta_pipeline
    network.to(device or get_device())
    prepare_for_inference(network)
    return Segmentor(
        network,
        Compose(without_annotations(views)),
        classes,
        mask_palette(config, classes),
        checkpoint,
    )


def check_device(name: str | None) -> None:
    """Raise ValueError if torch does not know a device, or this machine does not have it.

    Args:
        name: As torch names it: ``cpu``, ``cuda:1``, ...; None is any.
    """
    if name is None:
        return
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        said = str(error).splitlines()[0].split(' device type at start')[0]
        raise ValueError(f'device {name!r} cannot be used here: {said}') from error


def mask_palette(config: Config, classes: tuple[str, ...]) -> np.ndarray:
    """Return 256 colours: the data set's own, where it has one for each class, and VOC's."""
    palette = voc_palette()
    own: Any = config_palette(config)
    if own is not None and len(own) >= len(classes):
        palette[: len(classes)] = np.array(own[: len(classes)], dtype=np.uint8)
    return palette
