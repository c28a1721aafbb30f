import numpy as np
import pytest
from PIL import Image

from mmwsss.datasets.transforms import LoadImage


def test_a_good_image(tmp_path):
    Image.new('RGB', (4, 3), (255, 0, 0)).save(tmp_path / 'a.png')
    results = LoadImage()({'img_path': str(tmp_path / 'a.png')})
    assert results['img_shape'] == results['ori_shape'] == (3, 4)
    np.testing.assert_array_equal(results['img'][0, 0], [0, 0, 255])


@pytest.mark.parametrize('content', [b'', b'no image at all', b'\xff\xd8\xff\xe0 cut off'])
def test_a_damaged_image_is_named(tmp_path, content):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    message = r'a\.jpg is damaged or no image .*: replace the file, or take its id out'
    with pytest.raises(ValueError, match=message):
        LoadImage()({'img_path': str(path)})


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no image .*a\.jpg; check `data_root`'):
        LoadImage()({'img_path': str(tmp_path / 'a.jpg')})
