import pytest

from mmwsss.pipeline.finding import find_network, find_segmentor


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
