import os
import tarfile

import pytest
import torch

from mmwsss.evaluation.voc_archive import VOC_TREE, VOCArchiveWriter, pack_files
from mmwsss.seeds.masks import load_mask


def sample(labels, size, path='/images/a.b.jpg'):
    return {
        'img_path': path,
        'ori_shape': size,
        'pred_sem_seg': {'data': torch.tensor(labels)[None]},
    }


def test_a_prediction_keeps_its_classes_and_the_id_of_its_image(tmp_path):
    writer = VOCArchiveWriter(tmp_path / 'results.tar.gz')
    writer.process(None, [sample([[0, 20, 3], [1, 0, 0]], (2, 3))])
    assert writer.evaluate(1) == {'voc_archive/written': 1}
    written = load_mask(tmp_path / VOC_TREE / 'a.b.png')
    assert written.tolist() == [[0, 20, 3], [1, 0, 0]]
    with tarfile.open(tmp_path / 'results.tar.gz') as tar:
        assert tar.getnames() == [f'{VOC_TREE}/a.b.png']


def test_a_prediction_of_one_pixel_row_stays_a_map(tmp_path):
    writer = VOCArchiveWriter(tmp_path / 'results.tar.gz')
    writer.process(None, [sample([[2, 5]], (1, 2))])
    assert load_mask(tmp_path / VOC_TREE / 'a.b.png').tolist() == [[2, 5]]


def test_a_prediction_in_another_size_is_refused(tmp_path):
    writer = VOCArchiveWriter(tmp_path / 'results.tar.gz')
    with pytest.raises(ValueError, match=r'a\.b\.jpg is \(2, 3\), the image \(3, 2\)'):
        writer.process(None, [sample([[0, 20, 3], [1, 0, 0]], (3, 2))])
    assert not (tmp_path / 'results').exists()


def test_the_bytes_of_an_archive_are_those_of_its_files(tmp_path):
    for number, folder in enumerate(('one', 'two')):
        for name in ('x/a', 'x/b'):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            path.chmod(0o600 + 0o44 * number)
            os.utime(path, (1e9 + number, 1e9 + number))
    pack_files(tmp_path / 'first.tar.gz', tmp_path / 'one', ['x/a', 'x/b'])
    pack_files(tmp_path / 'second.tar.gz', tmp_path / 'two', ['x/b', 'x/a'])
    first, second = (tmp_path / f'{name}.tar.gz' for name in ('first', 'second'))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes()[4:8] == bytes(4)  # the time in gzip's header


def test_an_archive_that_cannot_be_finished_leaves_the_earlier_one(tmp_path):
    (tmp_path / 'results.tar.gz').write_text('earlier')
    with pytest.raises(FileNotFoundError, match='absent'):
        pack_files(tmp_path / 'results.tar.gz', tmp_path, ['absent'])
    assert [path.name for path in tmp_path.iterdir()] == ['results.tar.gz']
    assert (tmp_path / 'results.tar.gz').read_text() == 'earlier'


def test_all_images_of_a_batch_are_packed_under_the_names_of_the_server(tmp_path):
    writer = VOCArchiveWriter(tmp_path / 'results.tar.gz')
    batch = [sample([[1, 2]], (1, 2), f'/images/{name}.jpg') for name in 'ba']
    writer.process(None, batch)
    assert writer.evaluate(2) == {'voc_archive/written': 2}
    folder = 'results/VOC2012/Segmentation/comp6_test_cls'
    with tarfile.open(tmp_path / 'results.tar.gz') as tar:
        assert tar.getnames() == [f'{folder}/a.png', f'{folder}/b.png']
