"""`tools/train_toy_clip.py`: a small CLIP of toy scenes, for trials without a network."""

import argparse
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmwsss.datasets import write_toy_scenes
from mmwsss.pipeline.config import load_config, set_seed
from mmwsss.pipeline.runs import train
from mmwsss.pipeline.stage import content_hash
from mmwsss.registry import MODELS
from mmwsss.structures import atomic_path

CONFIG = Path(__file__).parents[2] / 'configs/quickstart/toy_clip.py'


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(
        description='Train a CLIP of toy size on image labels of toy scenes; once, as the file of '
        'weights is kept. A training that was cut off goes on.'
    )
    parser.add_argument('--config', default=str(CONFIG))
    parser.add_argument('--out', default='work_dirs/toy_clip/clip.pth', help='the file of weights')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--images', type=int, help='scenes to train on (default: of the config)')
    arguments = parser.parse_args()
    out = Path(arguments.out)
    if out.is_file():
        print(f'toy CLIP: {out} is there; delete it to train anew')
        return
    config = load_config(arguments.config)
    number = arguments.images or config.num_images
    # a training that was cut off goes on only if it was the same one
    recipe = content_hash([config.to_dict(), arguments.seed, number])[:12]
    config.work_dir = str(out.with_suffix('') / recipe)
    config.resume = True
    set_seed(config, arguments.seed)
    write_toy_scenes(config.data_root, number, 0, config.scene_seed)
    checkpoint = train(config)
    export(config, checkpoint, out)
    print(f'toy CLIP: {out}')


def export(config: Config, checkpoint: Path, out: Path) -> None:
    """Write the CLIP of a checkpoint, as `mmwsss.models.clip.load_clip` reads it."""
    init_default_scope('mmseg')
    model = MODELS.build(config.model)
    model.load_state_dict(torch.load(checkpoint, map_location='cpu')['state_dict'])
    saved = model.export()
    saved['meta']['open_clip'] = Config(saved['meta']['open_clip']).to_dict()
    with atomic_path(out) as temporary:
        torch.save(saved, temporary)
