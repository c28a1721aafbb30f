"""Runs of four tiny images, as their stages would have left them."""

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmwsss.datasets.image_labels import save_image_labels
from mmwsss.evaluation.seed_evaluation import evaluate_masks, evaluate_seeds
from mmwsss.pipeline.run import PipelineRun, open_workspace
from mmwsss.seeds.files import Seed, save_seed
from mmwsss.seeds.masks import save_mask

CLASSES = ('background', 'cat', '<b>dog</b>')
LABELS = {'a': ['cat'], 'b': ['<b>dog</b>'], 'c': ['cat', '<b>dog</b>'], 'd': []}
SIZE = (12, 20)
STAGES = ('cam', 'seeds', 'scores', 'masks', 'mask_scores', 'segmentor', 'test')
CONFIG = """
wrapped = dict(type='BaseSegDataset', data_root={root!r}, ann_file='ids.txt', serialize_data=False,
               data_prefix=dict(img_path='images', seg_map_path='truth'),
               metainfo=dict(classes={classes!r},
                             palette=[[0, 0, 0], [200, 0, 0], [0, 0, 250]]))
seed_dataloader = dict(dataset=dict(type='mmwsss.ImageLabelDataset', dataset=wrapped,
                                    label_file={root!r} + '/labels.json', pipeline=[]))
train_dataloader = dict(dataset=dict(type='mmwsss.PseudoMaskDataset', dataset=wrapped,
                                     mask_dir='', pipeline=[]))
test_dataloader = dict(dataset=wrapped)
judged_on = dict(ground_truth={root!r} + '/truth', ids={root!r} + '/ids.txt')
stages = dict(
    cam=dict(type='Train'),
    seeds=dict(type='GenerateSeeds', model='cam'),
    scores=dict(type='EvaluateSeeds', seeds='seeds'),
    masks=dict(type='RefineSeeds', seeds='seeds', bg_threshold='best', scores='scores'),
    mask_scores=dict(type='EvaluateMasks', masks='masks'),
    segmentor=dict(type='Train', masks='masks', config={root!r} + '/segmentor.py'),
    test=dict(type='Test', model='segmentor'),
)
"""


def truth_of(image_id):
    mask = np.zeros(SIZE, dtype=np.uint8)
    if 'cat' in LABELS[image_id]:
        mask[2:10, 2:8] = 1
    if '<b>dog</b>' in LABELS[image_id]:
        mask[4:12, 10:18] = 2
    mask[0] = 255
    return mask


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / 'data'
    (folder / 'images').mkdir(parents=True)
    generator = np.random.default_rng(0)
    for image_id in LABELS:
        pixels = generator.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / 'images' / f'{image_id}.jpg')
        save_mask(folder / 'truth' / f'{image_id}.png', truth_of(image_id))
    (folder / 'ids.txt').write_text('\n'.join(LABELS))
    save_image_labels(folder / 'labels.json', LABELS)
    (folder / 'segmentor.py').write_text(CONFIG.format(root=str(folder), classes=CLASSES))
    return folder


def write_seeds(folder, pacam):
    for image_id in LABELS:
        truth = truth_of(image_id)
        classes = [index for index in (0, 1) if (truth == index + 1).any()]
        maps = np.array([0.1 + 0.6 * (truth == index + 1) for index in classes])
        maps = maps.reshape(len(classes), *SIZE)
        save_seed(
            folder / f'{image_id}.npz', Seed(classes, maps, SIZE, maps**0.5 if pacam else None)
        )


def write_masks(folder):
    for image_id in LABELS:
        save_mask(folder / f'{image_id}.png', np.roll(truth_of(image_id), 1, axis=1))


@pytest.fixture
def make_run(data, tmp_path):
    """Make the files of a pipeline that has run until a stage."""

    def make(name='host', until='test', pacam=False, left_out=()):
        root = tmp_path / name
        config_file = tmp_path / f'{name}.py'
        config_file.write_text(CONFIG.format(root=str(data), classes=CLASSES))
        workspace = open_workspace(Config.fromfile(config_file), root)
        ids, names = list(LABELS), CLASSES[1:]
        write_seeds(root / 'seeds' / 'seeds', pacam)
        write_masks(root / 'masks' / 'masks')
        write_masks(root / 'test' / 'predictions')
        judged = evaluate_masks(root / 'masks' / 'masks', data / 'truth', ids, names)
        figures = {
            'cam': {'checkpoint': 'epoch_1.pth'},
            'seeds': {'seeds': 4},
            'scores': evaluate_seeds(root / 'seeds/seeds', data / 'truth', ids, names, split='ids'),
            'masks': {'masks': 4, 'bg_threshold': 0.25, 'source': 'cam'},
            'mask_scores': {'argmax': {**judged, 'mIoU': 61.257}, 'masks': judged},
            'segmentor': {'checkpoint': 'epoch_1.pth'},
            'test': {'aAcc': 80.0, 'mIoU': 43.219},
        }
        done = [s for s in STAGES[: STAGES.index(until) + 1] if s not in left_out]
        records = {
            stage: {
                'type': type(workspace.stages[stage]).__name__,
                'figures': figures[stage],
                'seconds': 61.0 if stage == 'cam' else 1.5,
                'memory': {'process': 2048.0},
                'versions': {'mmwsss': '9.8.7'},
            }
            for stage in done
        }
        return PipelineRun(name, workspace, records)

    return make
