"""What a network that makes seeds is told by its stage."""

from mmengine.config import Config

from mmwsss.pipeline import Workspace
from mmwsss.pipeline.stages import GenerateSeeds, seeds


def test_a_network_reads_the_ir_labels_of_its_run(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(
        seeds, 'run_network', lambda *given, **more: told.append((given, more)) or {'seeds': 3}
    )
    config = Config({'model': {}, 'seed_dataloader': {'dataset': {'mask_dir': 'elsewhere'}}})
    workspace = Workspace(config, tmp_path)
    assert GenerateSeeds('own', masks='ir_labels').run(workspace, False) == {'seeds': 3}
    (((name, given, where), more),) = told
    assert (name, where) == ('seeds', workspace)
    assert given.seed_dataloader.dataset.mask_dir == str(tmp_path / 'ir_labels/masks')
    assert given.work_dir == str(tmp_path / 'own/log')
    assert more == {'checkpoint': None, 'out_dir': str(tmp_path / 'own/seeds')}
    assert config.seed_dataloader.dataset.mask_dir == 'elsewhere'
