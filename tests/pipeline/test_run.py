import pytest
from mmengine.config import Config

from mmwsss.pipeline.building import build_stages
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.run import PipelineRun, open_workspace, run_pipeline
from mmwsss.pipeline.stages import EvaluateMasks, EvaluateSeeds, Test, Train
from mmwsss.pipeline.table import format_table
from mmwsss.pipeline.workspace import Workspace


def config_of(*stages):
    named = {stage['name']: {**stage} for stage in stages}
    for stage in named.values():
        del stage['name']
    config = Config({'stages': named, 'seed_dataloader': {'dataset': {}}})
    config._filename = 'some_config.py'
    return config


SEEDS = {'type': 'GenerateSeeds', 'name': 'seeds'}


@pytest.mark.parametrize(
    ('stages', 'message'),
    [
        ([], 'has no `stages`'),
        ([{'type': 'Generate', 'name': 'a'}], r"stages\.a\.type is 'Generate'; known are"),
        ([{'name': 'crf_msks', 'crf': None}], r'type is None \(a new stage needs a type\)'),
        ([SEEDS, {'name': 'seds', 'model': None}], r'is None \(did you mean stages\.seeds\?\)'),
        ([{**SEEDS, 'modle': 'x'}], "did you mean 'model'"),
        ([{**SEEDS, 'model': 'cam'}], "reads 'cam', which is no stage; the stages are"),
        (
            [SEEDS, {'type': 'Train', 'name': 'segmentor', 'masks': 'seeds'}],
            r"stages\.segmentor\.masks is 'seeds', which makes no masks; .* there is none",
        ),
        (
            [
                SEEDS,
                {'type': 'RefineSeeds', 'name': 'masks', 'seeds': 'seeds'},
                {**SEEDS, 'name': 'again', 'model': 'masks'},
                {'type': 'Train', 'name': 'cam'},
            ],
            r"stages\.again\.model is 'masks', which makes no network; name one of cam",
        ),
        ([{**SEEDS, 'model': 'seeds'}], r"\['seeds'\] wait for one another"),
        ([{'type': 'RefineSeeds', 'name': 'r'}], r'stages\.r \(RefineSeeds\) needs seeds: add it'),
        ([{'type': 'RefineSeeds', 'name': 'r', 'seeds': None}], 'needs seeds: add it'),
        (
            [SEEDS, {'type': 'EvaluateSeeds', 'name': 'e', 'seeds': 'seeds'}],
            r'stages\.e \(EvaluateSeeds\) needs ground_truth, ids',
        ),
    ],
)
def test_wrong_stages_are_refused_in_one_sentence(stages, message):
    with pytest.raises(ValueError, match=message):
        build_stages(config_of(*stages))


def test_what_is_only_judged_does_not_wait_for_the_trainings():
    stages = list(build_stages(load_config('irn_cpal_voc_photos')))
    assert stages.index('plain_scores') == stages.index('plain_masks') + 1
    assert stages.index('seed_scores') < stages.index('plain_masks') < stages.index('irnet')
    assert stages[-4:] == ['pseudo_masks', 'mask_scores', 'segmentor', 'test']


REFINE = {'type': 'RefineSeeds', 'name': 's', 'seeds': 'seeds'}
IR_LABELS = {**REFINE, 'type': 'MakeIRLabels'}
WALK = {**REFINE, 'type': 'WalkSeeds', 'model': 'irnet'}


@pytest.mark.parametrize(
    ('stage', 'message'),
    [
        ({**REFINE, 'source': 'pcam'}, r"source is 'pcam'; choose one of cam, pacam, sum"),
        ({**REFINE, 'bg_threshold': 15}, r'bg_threshold is 15; it must lie in \[0, 1\], or be one'),
        ({**REFINE, 'bg_threshold': 'bst'}, r"'bst'; it must be a number, or be one of best, auto"),
        ({**REFINE, 'bg_power': 0}, r'bg_power is 0; it must be at least'),
        ({**REFINE, 'min_confidence': 70}, r'min_confidence is 70; it must lie in \[0, 1\]'),
        ({**IR_LABELS, 'fg_threshold': -0.15}, r'fg_threshold is -0\.15; it must lie in'),
        ({**WALK, 'steps': 0}, r'steps is 0; it must be at least 1'),
        ({**WALK, 'full_size': 'yes'}, r"full_size is 'yes'; it must be True or False"),
        ({**WALK, 'source': 3}, r'source is 3; choose one of'),
        (
            {'type': 'Train', 'name': 's', 'config': 7},
            r'config is 7; it must be a text, or be',
        ),
        ({'type': 'Test', 'name': 's', 'model': 'x', 'tta': 1}, r'tta is 1; it must be True or'),
    ],
)
def test_a_wrong_value_of_an_option_is_refused_with_its_place(stage, message):
    with pytest.raises(ValueError, match=rf'^stages\.s\..*{message}'):
        build_stages(config_of(SEEDS, stage))


@pytest.mark.parametrize(
    ('stage', 'message'),
    [
        ({**IR_LABELS, 'fg_threshold': 0.1, 'bg_threshold': 0.2}, 'must not be above fg_threshold'),
        ({**IR_LABELS, 'bg_threshold': None}, "'s' has .*bg_threshold=None, but it takes two"),
        ({**REFINE, 'crf': 'irm'}, "crf of stage 's' is 'irm'; choose one of irn, .*, None"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, stage, message):
    stages = build_stages(config_of(SEEDS, stage))
    with pytest.raises(ValueError, match=message):
        stages['s'].check(Workspace(config_of(), tmp_path, stages))


def test_everything_is_checked_before_the_first_stage_runs(tmp_path, monkeypatch):
    from mmwsss.pipeline.stages import GenerateSeeds

    monkeypatch.setattr(GenerateSeeds, 'run', lambda *a: pytest.fail('ran'))
    monkeypatch.setattr(GenerateSeeds, 'check', lambda *a: None)
    judge = {'type': 'EvaluateSeeds', 'name': 'b', 'seeds': 'seeds', 'ground_truth': 'absent'}
    (tmp_path / 'ids.txt').write_text('a\n')
    config = config_of(SEEDS, {**judge, 'ids': str(tmp_path / 'ids.txt')})
    with pytest.raises(FileNotFoundError, match=r'no folder: set judged_on\.ground_truth'):
        run_pipeline(config, tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_all_that_is_wrong_is_said_at_once(tmp_path, monkeypatch):
    from mmwsss.pipeline.stages import GenerateSeeds

    monkeypatch.setattr(GenerateSeeds, 'check', lambda *a: None)
    (tmp_path / 'ids.txt').write_text('a\n')
    judge = {'type': 'EvaluateSeeds', 'seeds': 'seeds', 'ids': str(tmp_path / 'ids.txt')}
    config = config_of(
        SEEDS,
        {**judge, 'name': 'b', 'ground_truth': 'absent'},
        {**judge, 'name': 'c', 'ids': 'none.txt', 'ground_truth': 'absent'},
        {**judge, 'name': 'd', 'ids': 'none.txt', 'ground_truth': 'absent'},
    )
    message = r'^2 things are wrong:\n1\. .*absent.*no folder.*\n2\. .*no image list none\.txt'
    with pytest.raises(ValueError, match=message):
        run_pipeline(config, tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_wrong_options_of_several_stages_are_said_at_once():
    seeds = {**SEEDS, 'modle': 'x'}
    with pytest.raises(ValueError, match=r"^2 things .*\n1\. .*'modle'.*\n2\. stages\.r .* needs"):
        build_stages(config_of(seeds, {'type': 'RefineSeeds', 'name': 'r'}))


def test_best_threshold_needs_scores(tmp_path):
    refine = {'type': 'RefineSeeds', 'name': 'r', 'seeds': 'seeds', 'bg_threshold': 'best'}
    stages = build_stages(config_of(SEEDS, refine))
    with pytest.raises(ValueError, match='name the stage that judges the seeds'):
        stages['r'].check(Workspace(config_of(), tmp_path))


@pytest.mark.parametrize('model', ['seeds', 'cam'])
def test_a_walk_needs_a_network_that_sees_boundaries(tmp_path, monkeypatch, model):
    monkeypatch.setattr(Train, 'network_config', lambda *a: Config({'model': {'type': 'other'}}))
    walk = {'type': 'WalkSeeds', 'name': 'w', 'seeds': 'seeds', 'model': model}
    stages = build_stages(config_of({'type': 'Train', 'name': 'cam'}, SEEDS, walk))
    with pytest.raises(ValueError, match=r'which trains no mmwsss\.IRNet'):
        stages['w'].check(Workspace(config_of(), tmp_path, stages))


def test_seeds_of_a_network_that_reads_ir_labels_name_their_stage(tmp_path):
    config = Config({'seed_dataloader': {'dataset': {'mask_dir': 'elsewhere'}}})
    stages = build_stages(config_of(SEEDS))
    with pytest.raises(ValueError, match='reads ir_labels in elsewhere: name the stage'):
        stages['seeds'].check(Workspace(config, tmp_path, stages))


def test_a_network_that_reads_ir_labels_for_its_maps_reads_those_of_the_run(tmp_path):
    workspace = open_workspace(load_config('amn_toy'), tmp_path)
    config = workspace.network_config('amn')
    for loader in (config.train_dataloader, config.seed_dataloader):
        assert loader.dataset.mask_dir == str(tmp_path / 'ir_labels' / 'masks')
    plain = workspace.network_config('irnet')
    assert 'mask_dir' not in plain.get('seed_dataloader', {}).get('dataset', {})


def test_seeds_come_from_the_config_that_the_network_was_trained_with(tmp_path, monkeypatch):
    trained = Config({'model': {'type': 'plain'}, 'tta_model': {}, 'seed_dataloader': {}})
    trained.seed_dataloader.dataset = {'dataset': {}}
    monkeypatch.setattr(Train, 'network_config', lambda *a: trained)
    stages = build_stages(
        config_of({'type': 'Train', 'name': 'cam', 'config': 'x.py'}, {**SEEDS, 'model': 'cam'})
    )
    recipe = stages['seeds'].recipe(Workspace(config_of(), tmp_path, stages))
    assert recipe['model'] == {'type': 'plain'}


def test_an_unknown_last_stage_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no stage 'x'; the stages are \['seeds'\]"):
        run_pipeline(config_of(SEEDS), tmp_path, until='x')


def test_the_table_has_a_column_a_run_and_a_dash_for_what_was_not_run(tmp_path):
    def seeds(**best):
        return {'sources': {name: {'best': {'mIoU': value}} for name, value in best.items()}}

    def run(name, **figures):
        judged = {'ground_truth': '', 'ids': ''}
        stages = {
            's': EvaluateSeeds('s', 'seeds', **judged),
            'w': EvaluateSeeds('w', 'walk', **judged, title='after the walk'),
            'c': EvaluateMasks('c', 'crf', **judged, title='after CRF'),
            'm': EvaluateMasks('m', 'masks', **judged),
            't': Test('t', 'segmentor'),
            'd': Test('d', 'decoder', title='decoder'),
        }
        records = {key: {'figures': value} for key, value in figures.items()}
        return PipelineRun(name, Workspace(Config({}), tmp_path, stages), records)

    host = run('host', s=seeds(cam=41.0), w=seeds(cam=47.0))
    sure, unsure = {'mIoU': 44.0}, {'mIoU': 43.0}
    plugin = run(
        'plugin',
        s=seeds(cam=43.5, pacam=40.25),
        c={'argmax': sure, 'masks': unsure},
        m={'argmax': sure, 'masks': sure},
        t={'mIoU': 50.0},
        d={'mIoU': 51.0},
    )
    lines = [line.split('|') for line in format_table([host, plugin]).splitlines() if '|' in line]
    cells = {row[1].strip(): [cell.strip() for cell in row[2:4]] for row in lines}
    assert cells['seeds: cam'] == ['41.00', '43.50']
    assert cells['seeds: pacam'] == ['-', '40.25']
    assert cells['after the walk: cam'] == ['47.00', '-']
    assert cells['after CRF'] == ['-', '44.00']
    assert cells['after CRF, unsure as background'] == ['-', '43.00']
    assert cells['pseudo masks'] == ['-', '44.00']
    assert 'pseudo masks, unsure as background' not in cells
    assert cells['segmentor'] == ['-', '50.00']
    assert cells['decoder'] == ['-', '51.00']


def test_a_decoder_sees_with_the_clip_of_its_prototypes(tmp_path):
    host = Config(
        {
            'model': {
                'backbone': {'model_name': None, 'pretrained': 'own.pt'},
                'cam_head': {'prototypes': {'type': 'mmwsss.VisionPrototypes'}},
            },
            'seed_dataloader': {'dataset': {}},
            'stages': {
                'vision': {'type': 'Train'},
                'decoder': {
                    'type': 'Train',
                    'prototypes': 'vision',
                    'config': 'configs/vpl/vpl_decoder_voc.py',
                },
            },
        }
    )
    stages = build_stages(host)
    workspace = Workspace(host, tmp_path, stages)
    backbone = stages['decoder'].network_config(workspace).model.backbone
    assert (backbone.model_name, backbone.pretrained) == (None, 'own.pt')
    folder = workspace.folder('vision')
    folder.mkdir(parents=True)
    (folder / 'last_checkpoint').write_text('epoch_1.pth')
    (folder / 'epoch_1.pth').touch()
    head = stages['decoder'].ready_config(workspace).model.decode_head
    assert head.prototypes.checkpoint == str(folder / 'epoch_1.pth')


def test_prototypes_come_from_a_stage_that_fits_some(tmp_path):
    decoder = {'type': 'Train', 'name': 'decoder', 'prototypes': 'seeds'}
    decoder['config'] = 'configs/vpl/vpl_decoder_voc.py'
    stages = build_stages(config_of(SEEDS, decoder))
    with pytest.raises(ValueError, match="prototypes of 'seeds', which fits none"):
        stages['decoder'].check(Workspace(config_of(), tmp_path, stages))


def test_a_training_begins_with_the_network_of_another_stage(tmp_path):
    host = Config({'model': {}, 'train_dataloader': {'dataset': {}}})
    host.stages = {'bank': {'type': 'Train', 'start': 'vision'}, 'vision': {'type': 'Train'}}
    stages = build_stages(host)
    workspace = Workspace(host, tmp_path, stages)
    folder = workspace.folder('vision')
    folder.mkdir(parents=True)
    (folder / 'last_checkpoint').write_text('epoch_1.pth')
    (folder / 'epoch_1.pth').touch()
    assert stages['bank'].ready_config(workspace).load_from == str(folder / 'epoch_1.pth')
    assert stages['vision'].ready_config(workspace).get('load_from') is None
    assert stages['bank'].inputs() == ['vision']


def names_of(stages, **more):
    return list(build_stages(Config({'stages': stages, **more})))


JUDGED = {
    'seeds': {'type': 'GenerateSeeds'},
    'masks': {'type': 'RefineSeeds', 'seeds': 'seeds'},
    'scores': {'type': 'EvaluateSeeds', 'seeds': 'seeds'},
    'segmentor': {'type': 'Train', 'masks': 'masks'},
    'test': {'type': 'Test', 'model': 'segmentor'},
}
JUDGED_ON = {'ground_truth': 'truth', 'ids': 'ids.txt'}


def test_the_order_follows_from_the_inputs_and_scores_come_as_soon_as_they_can():
    given = {'seeds': {'type': 'GenerateSeeds', 'model': 'bank'}, 'bank': {'type': 'Train'}}
    assert names_of(given) == ['bank', 'seeds']
    order = names_of(JUDGED, judged_on=JUDGED_ON)
    assert order == ['seeds', 'scores', 'masks', 'segmentor', 'test']


def test_what_the_config_has_no_use_for_is_left_out():
    assert names_of(JUDGED, judged_on=None) == ['seeds', 'masks', 'segmentor', 'test']
    assert names_of(JUDGED, judged_on=None, tested_on=None) == ['seeds', 'masks', 'segmentor']
    assert names_of({**JUDGED, 'test': None}, judged_on=JUDGED_ON)[-1] == 'segmentor'
    best = {'type': 'RefineSeeds', 'seeds': 'seeds', 'bg_threshold': 'best', 'scores': 'scores'}
    with pytest.raises(ValueError, match=r"masks reads 'scores', which is left out.*a number"):
        names_of({**JUDGED, 'masks': best}, judged_on=None)
    with pytest.raises(ValueError, match="test reads 'segmentor', which is None"):
        names_of({**JUDGED, 'segmentor': None}, judged_on=None)


def test_ground_truth_is_said_once_and_can_be_said_otherwise():
    own = {'type': 'EvaluateMasks', 'masks': 'masks', 'ids': 'other.txt'}
    stages = build_stages(Config({'stages': {**JUDGED, 'own': own}, 'judged_on': JUDGED_ON}))
    assert (stages['scores'].ground_truth, stages['scores'].ids) == ('truth', 'ids.txt')
    assert (stages['own'].ground_truth, stages['own'].ids) == ('truth', 'other.txt')


def test_a_ground_truth_of_its_own_is_judged_by_without_a_common_one():
    own = {'type': 'EvaluateSeeds', 'seeds': 'seeds', **JUDGED_ON}
    names = names_of({**JUDGED, 'own': own}, judged_on=None)
    assert 'own' in names and 'scores' not in names


def test_a_wrong_name_in_the_common_ground_truth_is_refused():
    with pytest.raises(ValueError, match=r"option 'id' of stages\.scores .* mean 'ids'"):
        names_of(JUDGED, judged_on={'ground_truth': 'truth', 'id': 'ids.txt'})


def test_a_list_of_stages_of_an_older_config_is_told():
    with pytest.raises(ValueError, match=r'as configs had before version 0\.2: write'):
        build_stages(Config({'pipeline': [{'type': 'Train', 'name': 'cam'}]}))
