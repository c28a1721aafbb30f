import pytest
from mmseg.structures import SegDataSample
from PIL import Image

from mmwsss.engine import CurrentImagesHook


@pytest.fixture
def samples(tmp_path):
    paths = [str(tmp_path / f'{name}.png') for name in 'abcd']
    for number, path in enumerate(paths, start=1):
        Image.new('RGB', (10 * number, 8)).save(path)
    return [SegDataSample(metainfo={'img_path': path}) for path in paths]


@pytest.mark.parametrize('views', [1, 2])
def test_images_that_need_too_much_memory_are_named(samples, views):
    batch = {'inputs': [], 'data_samples': samples if views == 1 else [samples] * views}
    hook = CurrentImagesHook()
    (hook.before_train_iter if views == 1 else hook.before_test_iter)(None, 0, batch)
    message = r'out of memory at \S+a\.png, .* and 1 more \(up to 40 x 8 pixels\): fewer$'
    with pytest.raises(MemoryError, match=message), hook.naming_images('fewer'):
        raise RuntimeError("can't allocate memory")


def test_other_errors_are_not_theirs(samples):
    hook = CurrentImagesHook()
    hook.before_train_iter(None, 0, {'data_samples': samples})
    with pytest.raises(RuntimeError, match=r'^shapes$'), hook.naming_images('fewer'):
        raise RuntimeError('shapes')
