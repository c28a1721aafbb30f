"""What decides the key of a stage."""

from mmwsss.pipeline.workspace import content_hash, file_hash, folder_hash, named_files


def test_every_file_that_a_config_names_is_found_by_its_place(tmp_path):
    for name in ('a', 'b', 'c'):
        (tmp_path / name).write_text(name)
    a, b, c = (str(tmp_path / name) for name in ('a', 'b', 'c'))
    part = {'x': {'file': a, 'number': 3}, 'y': [{'z': 'absent'}, {'z': b}], 'w': (c,), 'v': None}
    assert named_files(part, 'model') == {
        'model.x.file': file_hash(a),
        'model.y.1.z': file_hash(b),
        'model.w.0': file_hash(c),
    }
    assert named_files(str(tmp_path)) == {}  # a folder


def test_hashes_follow_names_contents_and_order(tmp_path):
    assert content_hash({'a': 1, 'b': [1, 2]}) == content_hash({'b': (1, 2), 'a': 1})
    assert content_hash([1, 2]) != content_hash([2, 1])
    assert file_hash(tmp_path / 'absent') == 'absent'
    hashes = []
    for name, text in (('a', '1'), ('a', '2'), ('b', '2')):
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / name).write_text(text)
        hashes.append(folder_hash(tmp_path))
    assert len(set(hashes)) == 3
