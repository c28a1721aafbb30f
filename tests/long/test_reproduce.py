"""A table and a figure of a paper, whole, on a few toy scenes."""

from doc_tree import Tree

SCENES = 'python tools/make_toy_scenes.py data/toy_scenes --train 120 --val 30\n'


def test_a_table_and_a_figure_are_made_and_found_done(tmp_path):
    tree = Tree(tmp_path, data=())
    results = tmp_path / 'work_dirs/reproduce/toy'
    tree.shell(SCENES + 'mmwsss reproduce cpal table3 --scale toy --rows cosine dot')
    lines = (results / 'cpal_table3_seed0.csv').read_text().splitlines()
    maps = ('CAM (measured)', 'PACAM (measured)', '"PACAM, argmax (measured)"')
    assert lines[0] == ','.join(('row', 'mIoU (published)', *maps))
    cells = {line.split(',')[0]: line.split(',')[1:] for line in lines[1:]}
    assert cells['l1'] == ['59.6', *['not run'] * 3]
    assert all(0 <= float(cell) <= 100 for cell in cells['dot'])
    before = (tmp_path / 'work_dirs/reproduce/runs/irn_cpal_toy-seed0/cam/done.json').stat()
    tree.shell('mmwsss reproduce cpal figure3 --scale toy')
    for kind in ('svg', 'png'):
        assert (results / f'cpal_figure3_seed0.{kind}').stat().st_size > 5000
    after = (tmp_path / 'work_dirs/reproduce/runs/irn_cpal_toy-seed0/cam/done.json').stat()
    assert after.st_mtime_ns == before.st_mtime_ns  # a row of both
