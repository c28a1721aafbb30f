import os

import pytest

from mmwsss.pipeline.finding import find_network, find_segmentor, training_config


@pytest.mark.parametrize(
    ('parts', 'segments'),
    [(['cam_head'], False), (['decode_head'], True), (['cam_head', 'decode_head'], True)],
)
def test_a_network_of_one_stage_is_a_segmentor_and_no_classification_network(
    tmp_path, parts, segments
):
    folder = tmp_path / 'trained'
    folder.mkdir()
    (folder / 'some.py').write_text(f'model = dict({", ".join(f"{p}=dict()" for p in parts)})\n')
    (folder / 'last_checkpoint').write_text('epoch_1.pth')
    (folder / 'epoch_1.pth').touch()
    kinds = {True: lambda: find_segmentor(tmp_path)}
    kinds[False] = lambda: find_network(tmp_path, 'cam_head', 'classification network')
    assert kinds[segments]()[1] == folder / 'epoch_1.pth'
    with pytest.raises(FileNotFoundError, match=r'has no trained (segmentor|classification)'):
        kinds[not segments]()


def train(folder, ended, **records):
    """Leave what a segmentor's training leaves, which ended at a time in seconds."""
    folder.mkdir()
    (folder / 'some.py').write_text('model = dict(decode_head=dict())\n')
    (folder / 'last_checkpoint').write_text('epoch_1.pth')
    (folder / 'epoch_1.pth').touch()
    os.utime(folder / 'epoch_1.pth', (ended, ended))
    for name in records:
        (folder / f'{name}.json').write_text('{}')


def test_of_several_trainings_the_one_that_ended_last_is_taken(tmp_path):
    train(tmp_path / 'a', 100, started=True, done=True)
    train(tmp_path / 'b', 300, started=True, done=True)
    train(tmp_path / 'c', 200)  # no stage, and so without a record
    train(tmp_path / 'd', 400, started=True)  # still at work
    assert find_segmentor(tmp_path)[1] == tmp_path / 'b/epoch_1.pth'
    (tmp_path / 'b/done.json').unlink()
    assert find_segmentor(tmp_path)[1] == tmp_path / 'c/epoch_1.pth'
    with pytest.raises(FileNotFoundError, match=r'training in .*d has not ended'):
        find_segmentor(tmp_path / 'd')


def test_the_newest_config_of_a_folder_is_that_of_its_training(tmp_path):
    assert training_config(tmp_path) is None
    for place, name in enumerate(('run', 'a', 'c', 'b')):
        path = tmp_path / f'{name}.py'
        path.write_text(f'name = {name!r}\n')
        os.utime(path, (100 + place, 100 + place))
    assert training_config(tmp_path).name == 'b'
    os.utime(tmp_path / 'run.py', (500, 500))  # what the processes were started with
    assert training_config(tmp_path).name == 'b'
