"""`mmwsss grid`: what is said on the command line reaches every row."""

from types import SimpleNamespace

from mmwsss.commands.main import main


def test_options_and_numbers_of_processes_reach_every_row(tmp_path, monkeypatch):
    calls = []

    def run(config, root, gpus, processes, until):
        calls.append((config, root.name, gpus, processes, until))
        return SimpleNamespace(records={})

    monkeypatch.setattr('mmwsss.pipeline.run.run_pipeline', run)
    words = ['grid', 'irn_cpal_toy', 'cpal/grids/table3', '--work-dir', str(tmp_path)]
    words += ['--gpus', '2', '--processes', '3', '--until', 'cam', '--seed', '4']
    words += ['--cfg-options', 'total_batch_size=4', 'model.prototype_head.positiveness=none']
    assert main(words) == 0
    assert [call[1:] for call in calls] == [(n, 2, 3, 'cam') for n in ('l1', 'l2', 'cosine', 'dot')]
    for config, name, *_ in calls:
        assert config.total_batch_size == 4 and config.randomness.seed == 4
        assert config.model.prototype_head.positiveness == name  # a row goes before what is shared
    assert (tmp_path / 'irn_cpal_toy/table3_seed4.md').is_file()
