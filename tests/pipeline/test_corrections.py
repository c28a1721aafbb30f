"""Corrected masks in a run: what is exported, what becomes due, what the segmentor learns from."""

import json

import numpy as np
import pytest
from PIL import Image

from mmwsss.commands.main import main
from mmwsss.datasets.image_labels import save_image_labels
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.execution import stage_key
from mmwsss.pipeline.finding import open_run
from mmwsss.pipeline.run import keep_config, open_workspace
from mmwsss.pipeline.workspace import write_record
from mmwsss.registry import DATASETS
from mmwsss.seeds.masks import load_mask, save_mask

IDS, SIZE = ('a', 'b'), (24, 32)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The toy run of IRN, with finished pseudo masks."""
    monkeypatch.setenv('MMWSSS_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('MMWSSS_TRACEBACK', '1')
    data = tmp_path / 'data/toy_scenes'
    for image_id in IDS:
        path = data / 'JPEGImages' / f'{image_id}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', SIZE[::-1]).save(path)
    lists = data / 'ImageSets/Segmentation'
    lists.mkdir(parents=True)
    for split in ('train', 'val'):
        (lists / f'{split}.txt').write_text('\n'.join(IDS))
    save_image_labels(data / 'image_labels.json', {image_id: ['cat'] for image_id in IDS})
    config = load_config('irn_toy')
    folder = tmp_path / 'work_dirs/irn_toy'
    keep_config(config, folder)
    monkeypatch.chdir(tmp_path)
    workspace = open_workspace(config, folder)
    for name in workspace.stages:
        if name not in ('segmentor', 'test'):
            write_record(folder / name / 'done.json', {'key': name})
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[4:12, 4:20] = 1
    for image_id in IDS:
        save_mask(folder / 'pseudo_masks/masks' / f'{image_id}.png', mask)
    return folder


def correct(root):
    path = root / 'exported/labelme/a.json'
    content = json.loads(path.read_text())
    content['shapes'][0]['points'] = [[0, 0], [10, 0], [10, 5], [0, 5]]
    path.write_text(json.dumps(content))


def test_a_correction_makes_the_segmentor_due_and_nothing_before_it(root):
    def keys():
        workspace = open_run(root)
        stages = (workspace.stages[name] for name in ('irnet', 'segmentor'))
        return {stage.name: stage_key(stage, workspace) for stage in stages}

    before = keys()
    assert main(['export', str(root), '--to', 'labelme']) == 0
    source = str(root / 'exported/labelme')
    assert main(['import', str(root), source, '--from', 'labelme']) == 0
    assert keys() == before
    correct(root)
    assert main(['import', 'irn_toy', source, '--from', 'labelme']) == 0
    after = keys()
    assert after['irnet'] == before['irnet'] and after['segmentor'] != before['segmentor']
    expected = np.zeros(SIZE, dtype=np.uint8)
    expected[:5, :10] = 1
    assert np.array_equal(load_mask(root / 'corrected/pseudo_masks/a.png'), expected)

    workspace = open_run(root)
    dataset = workspace.network_config('segmentor').train_dataloader.dataset
    built = DATASETS.build({**dataset, 'pipeline': []})
    paths = [built.get_data_info(index)['seg_map_path'] for index in range(2)]
    assert paths == [
        str(root / 'corrected/pseudo_masks/a.png'),
        str(root / 'pseudo_masks/masks/b.png'),
    ]
    assert main(['export', str(root), '--to', 'voc', '--out', 'out']) == 0
    exported = load_mask(root.parents[1] / 'out/SegmentationClass/a.png')
    assert np.array_equal(exported, expected)
    save_mask(root / 'corrected/pseudo_masks/a.png', expected + 0)
    assert keys() == after
    save_mask(root / 'corrected/pseudo_masks/a.png', expected * 2)
    assert keys()['segmentor'] not in (before['segmentor'], after['segmentor'])


def test_corrections_of_another_size_are_refused_when_they_are_read(root):
    save_mask(root / 'corrected/pseudo_masks/a.png', np.zeros((5, 6), dtype=np.uint8))
    dataset = open_run(root).network_config('segmentor').train_dataloader.dataset
    with pytest.raises(ValueError, match=r'is 6x5 pixels, but its image .*mmwsss import'):
        DATASETS.build({**dataset, 'pipeline': []})


def test_stages_that_nothing_learns_from_or_that_are_not_done_are_refused(root):
    command = ['export', str(root), '--to', 'coco']
    with pytest.raises(ValueError, match=r"of 'ir_labels'; those .* are of \['pseudo_masks'\]"):
        main([*command, '--masks', 'ir_labels'])
    with pytest.raises(ValueError, match='--tolerance is -1'):
        main([*command, '--tolerance', '-1'])
    (root / 'pseudo_masks/done.json').unlink()
    with pytest.raises(FileNotFoundError, match='pseudo_masks are not finished'):
        main(command)
    (root / 'irn_toy.py').unlink()
    with pytest.raises(FileNotFoundError, match='has no config, as a run leaves one'):
        main(command)
    assert open_run('irn_toy').root.samefile(root)


def test_the_kept_config_is_the_one_that_was_run(root):
    config = load_config('irn_toy', {'stages.pseudo_masks.bg_threshold': 0.5})
    keep_config(config, root)
    assert open_run('irn_toy').stages['pseudo_masks'].bg_threshold == 0.5
