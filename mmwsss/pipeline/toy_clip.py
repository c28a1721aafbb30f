"""A small CLIP of toy scenes, for trials of CLIP's hosts without a network."""

from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmwsss.models.weights import read_state_dict
from mmwsss.registry import MODELS
from mmwsss.structures import atomic_path
from mmwsss.terminal import stage_line
from mmwsss.toy_scenes import write_toy_scenes

from .config import set_seed
from .network import train
from .workspace import content_hash


def train_toy_clip(config: Config, out: Path, seed: int = 0, images: int | None = None) -> None:
    """Draw the scenes and train; a training that was cut off goes on if it was the same one.

    Args:
        config: Of a `CLIPPretrainer`; changed in place.
        out: The file of weights to write.
        seed: Random seed of weights and order; that of the scenes is ``config.scene_seed``.
        images: Scenes to train on; ``config.num_images`` when None.
    """
    number = images or config.num_images
    recipe = content_hash([config.to_dict(), seed, number])[:12]
    config.work_dir = str(out.with_suffix('') / recipe)
    config.resume = True
    set_seed(config, seed)
    write_toy_scenes(config.data_root, number, 0, config.scene_seed)
    with stage_line('toy_clip', config.work_dir) as line:
        line.result = train(config)['checkpoint']
        export_clip(config, Path(config.work_dir) / line.result, out)


def export_clip(config: Config, checkpoint: Path, out: Path) -> None:
    """Write the CLIP of a checkpoint, as `mmwsss.models.clip.load_clip` reads it."""
    init_default_scope('mmseg')
    model = MODELS.build(config.model)
    model.load_state_dict(read_state_dict(checkpoint))
    saved = model.export()
    saved['meta']['open_clip'] = Config(saved['meta']['open_clip']).to_dict()
    with atomic_path(out) as temporary:
        torch.save(saved, temporary)
