"""Peak memory of every stage at 200 and at 2,000 toy images: it must not grow.

    python benchmarks/stage_memory.py

Each stage runs in a process of its own, on small toy scenes, so that 2,000 are done in minutes.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIG = """
_base_ = ['{configs}/quickstart/irn_cpal_toy.py']
train_cfg = dict(max_epochs=2)
crop = [dict(type='mmwsss.LoadImage'), dict(type='mmwsss.RandomPadCrop', crop_size=(48, 48)),
        dict(type='mmwsss.PackImageLabelInputs')]
train_dataloader = dict(dataset=dict(pipeline=crop))
view = [dict(type='mmwsss.LoadImage'), dict(type='mmwsss.MultiScaleFlip')]
seed_dataloader = dict(dataset=dict(pipeline=view))
masks = [dict(type='mmwsss.LoadImage'), dict(type='LoadAnnotations'),
         dict(type='mmwsss.RandomPadCrop', crop_size=(48, 48)),
         dict(type='mmwsss.PackImageLabelInputs')]
once = {{'train_cfg.max_epochs': 1, 'train_dataloader.dataset.pipeline': masks}}
stages = dict(irnet=dict(options={{**once, 'model.pad_to': 64}}), segmentor=dict(options=once))
"""
STAGES = (
    'cam',
    'seeds',
    'seed_scores',
    'crf_masks',
    'ir_labels',
    'irnet',
    'walk',
    'walk_scores',
    'pseudo_masks',
    'mask_scores',
    'segmentor',
    'test',
)


def main() -> None:
    """Print peak megabytes by stage, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--counts', type=int, nargs=2, default=(200, 2000))
    parser.add_argument('--until', help=argparse.SUPPRESS)
    parser.add_argument('--root', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.until:
        run_stage(Path(arguments.root), arguments.until)
        return
    with tempfile.TemporaryDirectory() as folder:
        peaks = [measure(Path(folder) / str(count), count) for count in arguments.counts]
    print(f'{"stage":14}{arguments.counts[0]:>10}{arguments.counts[1]:>10}  ratio')
    for stage in STAGES:
        small, large = (peak[stage] for peak in peaks)
        print(f'{stage:14}{small:>8.0f}MB{large:>8.0f}MB  {large / small:.3f}')


def measure(root: Path, count: int) -> dict[str, float]:
    """Return the peak megabytes of each stage on `count` images."""
    from mmwsss.toy_scenes import write_toy_scenes

    write_toy_scenes(root / 'toy_scenes', count, count // 10, side_range=(56, 64))
    peaks = {}
    for stage in STAGES:
        command = [sys.executable, __file__, '--until', stage, '--root', str(root)]
        answer = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, 'MMWSSS_DATA': str(root)},
        )
        peaks[stage] = float(answer.stdout.split()[-1])
    return peaks


def run_stage(root: Path, stage: str) -> None:
    """Run the pipeline up to a stage, earlier ones being done, and print this process's peak."""
    from mmwsss.pipeline import run_pipeline
    from mmwsss.pipeline.config import load_config

    path = root / 'config.py'
    path.write_text(CONFIG.format(configs=Path(__file__).resolve().parents[1] / 'configs'))
    run_pipeline(load_config(path), root / 'run', until=stage)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == '__main__':
    main()
