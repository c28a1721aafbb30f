import pytest
from mmengine.config import Config

from mmwsss.pipeline import own_stage
from mmwsss.pipeline.stages import Train
from mmwsss.pipeline.workspace import DONE, STARTED, read_record, write_record

STAGES = {
    'cam': {'type': 'Train', 'config': 'other.py'},
    'cam_seeds': {'type': 'GenerateSeeds', 'model': 'cam'},
    'ir_labels': {'type': 'MakeIRLabels', 'seeds': 'cam_seeds'},
    'own': {'type': 'Train', 'masks': 'ir_labels'},
}


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Train, 'check', lambda *a: None)  # there are no images
    loader = {'dataset': {'type': 'mmwsss.ImageLabelDataset', 'mask_dir': 'elsewhere'}}
    text = f"stages = {STAGES!r}\nmodel = dict(type='X')\ntrain_dataloader = {loader!r}\n"
    (tmp_path / 'host.py').write_text(text)
    return Config.fromfile('host.py')


def test_the_network_of_the_config_is_trained_and_not_the_first_of_the_pipeline(
    config, tmp_path, monkeypatch
):
    write_record(tmp_path / 'work_dirs/host/ir_labels' / DONE, {'key': 'labels'})
    trained = []
    monkeypatch.setattr(
        own_stage, 'train', lambda config: trained.append(config) or {'checkpoint': 'epoch_1.pth'}
    )
    own_stage.train_own_stage(config)
    assert trained[0].work_dir == 'work_dirs/host/own'
    assert trained[0].train_dataloader.dataset.mask_dir == 'work_dirs/host/ir_labels/masks'
    assert read_record(tmp_path / 'work_dirs/host/own' / DONE)['figures'] == {
        'checkpoint': 'epoch_1.pth'
    }


def test_missing_ir_labels_are_named_with_the_command_that_makes_them(config):
    with pytest.raises(FileNotFoundError, match=r'mmwsss run host\.py --until ir_labels'):
        own_stage.train_own_stage(config)


def test_a_training_with_other_options_is_not_taken_for_this_one(config, tmp_path, monkeypatch):
    write_record(tmp_path / 'work_dirs/host/ir_labels' / DONE, {'key': 'labels'})
    folder = tmp_path / 'work_dirs/host/own'
    write_record(folder / STARTED, {'key': 'of another rate'})
    monkeypatch.setattr(own_stage, 'train', lambda config: {'checkpoint': 'epoch_1.pth'})
    own_stage.train_own_stage(config)  # no checkpoint that could be taken for another
    write_record(folder / STARTED, {'key': 'of another rate'})
    (folder / 'last_checkpoint').write_text('epoch_9.pth')
    with pytest.raises(FileExistsError, match='with other options: give --work-dir'):
        own_stage.train_own_stage(config)
    assert read_record(folder / STARTED) == {'key': 'of another rate'}


def test_a_config_without_a_training_of_its_own_says_so(config):
    config.stages = {name: STAGES[name] for name in ('cam', 'cam_seeds')}
    with pytest.raises(ValueError, match='nothing to train: use `mmwsss run`'):
        own_stage.train_own_stage(config)


def test_a_training_that_is_cut_off_is_not_taken_for_the_one_before(config, tmp_path, monkeypatch):
    write_record(tmp_path / 'work_dirs/host/ir_labels' / DONE, {'key': 'labels'})
    monkeypatch.setattr(own_stage, 'train', lambda config: {'checkpoint': 'epoch_9.pth'})
    own_stage.train_own_stage(config)
    assert (tmp_path / 'work_dirs/host/own' / DONE).is_file()

    def cut(config):
        raise KeyboardInterrupt

    monkeypatch.setattr(own_stage, 'train', cut)
    with pytest.raises(KeyboardInterrupt):
        own_stage.train_own_stage(config)
    assert not (tmp_path / 'work_dirs/host/own' / DONE).exists()
