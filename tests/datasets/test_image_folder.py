from pathlib import Path

import pytest
from PIL import Image

from mmwsss.datasets import ImageFolderDataset, WrappedDataset, images_by_id

CLASSES = {'classes': ('background', 'cat', 'dog')}


@pytest.fixture
def folder(tmp_path):
    names = ('b.JPG', 'a.jpeg', 'cat/1.png', 'dog/1.png', 'dog/2.jpg', 'dog/2.png', '.x/c.jpg',
             '__MACOSX/d.jpg', 'Über uns.webp')  # fmt: skip
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new('RGB', (4, 6)).save(path)
    (tmp_path / 'notes.txt').write_text('no image')
    return tmp_path


def test_all_images_are_found_and_each_has_an_id_of_its_own(folder):
    found = {
        name: path.relative_to(folder).as_posix() for name, path in images_by_id(folder).items()
    }
    assert found == {
        'a': 'a.jpeg',
        'b': 'b.JPG',
        'cat__1': 'cat/1.png',
        'dog__1': 'dog/1.png',
        'dog__2_jpg': 'dog/2.jpg',
        'dog__2_png': 'dog/2.png',
        'Über uns': 'Über uns.webp',
    }
    assert list(found) == sorted(found)


def test_the_data_set_gives_ids_paths_and_masks(folder):
    dataset = ImageFolderDataset(data_root=str(folder), metainfo=CLASSES)
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert [info['img_id'] for info in infos] == list(images_by_id(folder))
    assert 'seg_map_path' not in infos[0]
    prefix = {'img_path': 'dog', 'seg_map_path': 'masks'}
    dataset = ImageFolderDataset(data_root=str(folder), data_prefix=prefix, metainfo=CLASSES)
    info = dataset.get_data_info(0)
    assert info['seg_map_path'] == str(folder / 'masks' / '1.png')
    assert Path(info['img_path']) == folder / 'dog' / '1.png'


def test_ids_of_the_folder_reach_the_trainings(folder):
    config = {'type': 'mmwsss.ImageFolderDataset', 'data_root': str(folder), 'metainfo': CLASSES}
    wrapped = WrappedDataset(config, [])
    assert 'cat__1' in [wrapped.get_data_info(index)['img_id'] for index in range(len(wrapped))]


def test_a_list_takes_some_and_names_what_is_not_there(folder):
    (folder / 'some.txt').write_text('b\ncat__1\n')
    options = {'data_root': str(folder), 'metainfo': CLASSES, 'ann_file': 'some.txt'}
    assert [info['img_id'] for info in ImageFolderDataset(**options)] == ['b', 'cat__1']
    (folder / 'some.txt').write_text('b\nz\n')
    with pytest.raises(FileNotFoundError, match=r'1 of 2 images of .*some.txt .* first is z'):
        ImageFolderDataset(**options)
    with pytest.raises(FileNotFoundError, match='no folder'):
        images_by_id(folder / 'absent')
