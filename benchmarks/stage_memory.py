"""Peak memory, open files and threads of every stage at 200 and at 2,000 images: none may grow.

    python benchmarks/stage_memory.py

Each stage runs in a process of its own, on small toy scenes, so that 2,000 are done in minutes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
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
INTERVAL = 0.05  # seconds between two looks at open files and threads
STAGES = (
    'cam',
    'seeds',
    'seed_scores',
    'crf_masks',
    'crf_scores',
    'plain_masks',
    'plain_scores',
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
    """Print peaks by stage, and the ratio of the megabytes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--counts', type=int, nargs=2, default=(200, 2000))
    parser.add_argument('--stages', nargs='+', choices=STAGES, default=STAGES)
    parser.add_argument('--until', help=argparse.SUPPRESS)
    parser.add_argument('--root', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.until:
        run_stage(Path(arguments.root), arguments.until)
        return
    with tempfile.TemporaryDirectory() as folder:
        peaks = [
            measure(Path(folder) / str(count), count, arguments.stages)
            for count in arguments.counts
        ]
    print(f'{"stage":14}{arguments.counts[0]:>10}{arguments.counts[1]:>10}  ratio  files  threads')
    for stage in arguments.stages:
        (small, *few), (large, *many) = (peak[stage] for peak in peaks)
        others = '  '.join(f'{a:.0f} -> {b:.0f}' for a, b in zip(few, many, strict=True))
        print(f'{stage:14}{small:>8.0f}MB{large:>8.0f}MB  {large / small:.3f}  {others}')


def measure(root: Path, count: int, stages: Sequence[str]) -> dict[str, list[float]]:
    """Return the peak megabytes, files and threads of each stage on `count` images."""
    from mmwsss.toy_scenes import write_toy_scenes

    write_toy_scenes(root / 'toy_scenes', count, count // 10, side_range=(56, 64))
    peaks = {}
    for stage in stages:
        command = [sys.executable, __file__, '--until', stage, '--root', str(root)]
        answer = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, 'MMWSSS_DATA': str(root)},
        )
        peaks[stage] = [float(word) for word in answer.stdout.split()[-3:]]
    return peaks


def run_stage(root: Path, stage: str) -> None:
    """Run the pipeline up to a stage, earlier ones being done, and print this process's peaks."""
    from mmwsss.pipeline import run_pipeline
    from mmwsss.pipeline.config import load_config
    from mmwsss.pipeline.memory import peak_megabytes

    path = root / 'config.py'
    path.write_text(CONFIG.format(configs=Path(__file__).resolve().parents[1] / 'configs'))
    most, ended = [0, 0], threading.Event()

    def watch() -> None:
        while not ended.wait(INTERVAL):
            found = [len(list(Path('/proc/self', name).iterdir())) for name in ('fd', 'task')]
            most[:] = map(max, most, found)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        run_pipeline(load_config(path), root / 'run', until=stage)
    finally:
        ended.set()
        watcher.join()
    print(peak_megabytes(), *most)


if __name__ == '__main__':
    main()
