"""Two processes beside one, in the stages that work image by image.

    python benchmarks/processes.py                     # all
    python benchmarks/processes.py --parts crf walk    # some of: crf, masks, scores, walk

Images of 375 x 500 of smooth noise, two classes. A process has one thread. The start of the
processes is left out: what a run of two images takes. Asserts that the results are equal.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from samples import SIZE, smooth_noise

from mmwsss.evaluation import seed_evaluation
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.stages.processes import run_network
from mmwsss.pipeline.workspace import Workspace
from mmwsss.seeds import RefineSettings, Seed, refine_items, refine_seeds_with_crf, save_seed
from mmwsss.seeds.masks import save_mask

CLASSES = ('cat', 'dog')
CONFIG = Path(__file__).resolve().parents[1] / 'configs' / 'irn' / 'irnet_own.py'


@dataclass
class Images:
    """Images, seeds and ground truth in a folder.

    Attributes:
        folder: Where they lie.
        ids: Of the images.
    """

    folder: Path
    ids: list[str]

    @classmethod
    def draw(cls, folder, number):
        """Draw ten different ones; the others are links to these."""
        ids = [f'{k:05d}' for k in range(number)]
        rng = np.random.default_rng(0)
        for name in ('own', 'seeds', 'masks'):
            (folder / name).mkdir(parents=True)
        for k, image_id in enumerate(ids):
            places = ('own', '.jpg'), ('seeds', '.npz'), ('masks', '.png')
            image, seed, mask = (folder / part / f'{image_id}{end}' for part, end in places)
            if k < 10:
                Image.fromarray((255 * smooth_noise(rng, 3)).astype(np.uint8)).save(image)
                cam = smooth_noise(rng, 2)[::4, ::4].transpose(2, 0, 1)
                save_seed(seed, Seed(classes=[0, 1], cam=cam, size=SIZE))
                save_mask(mask, (3 * smooth_noise(rng, 1)[..., 0]).clip(0, 2).astype(np.uint8))
            else:
                for path in (image, seed, mask):
                    path.hardlink_to(path.with_stem(ids[k % 10]))
        labels = {image_id: list(CLASSES) for image_id in ids}
        (folder / 'own' / 'labels.json').write_text(json.dumps(labels))
        return cls(folder, ids)


@contextlib.contextmanager
def silence():
    """Print nothing, neither here nor in processes that are started."""
    sys.stdout.flush()
    kept = [os.dup(number) for number in (1, 2)]
    with Path(os.devnull).open('w') as nowhere:
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
    try:
        yield
    finally:
        sys.stdout.flush()
        for number, file in zip((1, 2), kept, strict=True):
            os.dup2(file, number)
            os.close(file)


def refine(images, processes, crf):
    """Write masks by argmax, with or without the CRF; return their bytes."""
    out_dir = images.folder / f'refined_{crf}_{processes}'
    settings = RefineSettings() if crf else RefineSettings(crf=None)
    items = refine_items(images.folder / 'seeds', images.folder / 'own', images.ids)
    refine_seeds_with_crf(items, out_dir, settings, processes)
    return [(out_dir / f'{image_id}.png').read_bytes() for image_id in images.ids]


def judge(images, processes):
    """Return the threshold curve of the seeds."""
    seed_evaluation.MANY_IMAGES = 0  # also of few images, to see how long the start takes
    folder = images.folder
    return seed_evaluation.evaluate_seeds(
        folder / 'seeds', folder / 'masks', images.ids, CLASSES, processes=processes
    )


def walk(images, processes):
    """See boundaries and walk, as the stage `WalkSeeds` does; return the bytes of the seeds."""
    os.environ['MMWSSS_DATA'] = str(images.folder)
    config = load_config(CONFIG)
    dataset = config.seed_dataloader.dataset
    dataset.label_file = str(images.folder / 'own' / 'labels.json')
    dataset.pipeline = [config.load, {'type': 'mmwsss.MultiScaleFlip'}]
    config.seed_writer = {'type': 'mmwsss.WalkWriter', 'seed_dir': str(images.folder / 'seeds')}
    root = images.folder / f'walk_{processes}'
    config.work_dir = str(root / 'log')
    workspace = Workspace(config, root, gpus=processes)
    run_network('seeds', config, workspace, checkpoint=None, out_dir=str(root / 'seeds'))
    return [(root / 'seeds' / f'{image_id}.npz').read_bytes() for image_id in images.ids]


# name -> function, images
PARTS = {
    'crf': (lambda images, processes: refine(images, processes, True), 40),
    'masks': (lambda images, processes: refine(images, processes, False), 3000),
    'scores': (judge, 4000),
    'walk': (walk, 40),
}


def compare(name, factor):
    """Print how much faster two processes are."""
    function, number = PARTS[name]
    seconds, results = {}, {}
    for processes in (1, 2):
        for count in (2, max(4, round(factor * number))):
            with tempfile.TemporaryDirectory() as folder:
                images = Images.draw(Path(folder) / 'data', count)
                start = time.perf_counter()
                with silence():
                    results[processes] = function(images, processes)
                seconds[processes, count] = time.perf_counter() - start
    assert results[1] == results[2]
    start = {processes: seconds[processes, 2] for processes in (1, 2)}
    one, two = (seconds[processes, count] - start[processes] for processes in (1, 2))
    print(
        f'{name}: {count - 2} images in {one:.1f} s with one process, {two:.1f} s with two, '
        f'{one / two:.2f} x; equal results (start: {start[1]:.1f} and {start[2]:.1f} s)'
    )


def main():
    """Compare all parts, or some."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--parts', nargs='+', choices=PARTS, default=list(PARTS))
    parser.add_argument('--factor', type=float, default=1, help='of the numbers of images')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    os.environ['OMP_NUM_THREADS'] = '1'
    for name in arguments.parts:
        compare(name, arguments.factor)


if __name__ == '__main__':
    main()
