"""The command line: what is parsed, what it answers, and how it ends."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mmwsss.commands import arguments, convert_weights, seeds
from mmwsss.commands.main import COMMANDS, build_parser, find_command, main
from mmwsss.errors import USER_ERRORS
from mmwsss.model_converters import LAYOUTS
from mmwsss.seeds import CRF_PRESETS, SOURCES
from mmwsss.seeds.crf import BACKENDS
from mmwsss.seeds.refine import REFINERS

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
FORWARDS = sorted(path.relative_to(TOOLS).as_posix() for path in TOOLS.rglob('*.py'))


def parse(command, *words, monkeypatch):
    """Return the arguments that a command is called with."""
    called = []
    monkeypatch.setattr(COMMANDS[command], 'run', called.append)
    assert main([*command.split(), *words]) == 0
    return called[0]


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_has_a_help_with_an_example_that_can_be_parsed(name, capsys, monkeypatch):
    assert main([*name.split(), '--help']) == 0
    text = capsys.readouterr().out
    command = COMMANDS[name]
    assert text.startswith(f'usage: mmwsss {name} ')
    assert f'example:\n  {command.EXAMPLE}' in text
    assert '\n' not in command.HELP
    words = shlex.split(command.EXAMPLE)
    assert words[0] == 'mmwsss'
    assert find_command(words[1:])[0] == name
    parse(name, *find_command(words[1:])[1], monkeypatch=monkeypatch)


@pytest.mark.parametrize('words', [['--help'], ['convert', '--help']])
def test_the_list_of_commands_says_what_each_does(words, capsys):
    assert main(words) == 0
    text = capsys.readouterr().out
    listed = [name for name, command in COMMANDS.items() if command.HELP in text]
    group = words[0] if words[0] != '--help' else ''
    assert listed == [name for name in COMMANDS if name.startswith(group)]


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ([], 'required: COMMAND'),
        (['convert'], 'required: COMMAND'),
        (['nosuch'], "invalid choice: 'nosuch'"),
        (['convert', 'nosuch'], "invalid choice: 'nosuch'"),
        (['train'], 'required: config'),
        (['train', 'a.py', 'b.py'], 'unrecognized arguments: b.py'),
        (['train', 'a.py', '--cfg-option', 'a=1'], 'unrecognized arguments: --cfg-option'),
        (['train', 'a.py', '--cfg-options'], 'expected at least one argument'),
        (['train', 'a.py', '--cfg-options', 'lr'], "'lr' is no KEY=VALUE"),
        (['run', 'a.py', '--gpus', '0'], "'0' is no number of at least 1"),
        (['refine', 's', 'm', '--images', 'i', '--ids', 'l', '--crf', 'no'], "choice: 'no'"),
        (['convert', 'weights', 'clip', 'a', 'b', '--config', 'c'], 'a CLIP has no config'),
        (['convert', 'labels', 'text', 'a', '--out', 'b', '--ids', 'c'], '--ids is for voc_xml'),
    ],
)
def test_a_wrong_call_ends_with_2_and_the_usage(words, message, capsys):
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith('usage: mmwsss')
    assert message in error.splitlines()[-1]


@pytest.mark.parametrize('kind', USER_ERRORS)
def test_a_failed_command_ends_with_1_and_one_sentence(kind, capsys, monkeypatch):
    def fail(_):
        raise kind('the file is not there')

    monkeypatch.setattr(seeds, 'run', fail)
    assert main(['seeds', 'a.py']) == 1
    assert capsys.readouterr().err == f'{kind.__name__}: the file is not there\n'
    monkeypatch.setenv('MMWSSS_TRACEBACK', '1')
    with pytest.raises(kind):
        main(['seeds', 'a.py'])


def test_a_missing_requirement_is_said_with_the_cure(capsys, monkeypatch):
    monkeypatch.setattr(seeds, 'run', lambda _: __import__('a_package_that_nobody_has'))
    assert main(['seeds', 'a.py']) == 1
    assert capsys.readouterr().err == (
        "ModuleNotFoundError: No module named 'a_package_that_nobody_has'. Install what mmwsss "
        "needs: pip install 'mmwsss[openmmlab]'\n"
    )


def test_an_error_of_ours_keeps_its_traceback_and_ctrl_c_ends_with_130(monkeypatch):
    def fail(_):
        raise ZeroDivisionError

    monkeypatch.setattr(seeds, 'run', fail)
    with pytest.raises(ZeroDivisionError):
        main(['seeds', 'a.py'])

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(seeds, 'run', interrupt)
    assert main(['seeds', 'a.py']) == 130


@pytest.mark.parametrize(
    'words',
    [
        ['a.py', '--out-dir', 'seeds', 'b.pth'],
        ['--out-dir', 'seeds', 'a.py', 'b.pth'],
        ['a.py', 'b.pth', '--out-dir', 'seeds'],
        ['a.py', '--out-dir=seeds', '--cfg-options', 'x=1', 'b.pth'],
        ['--cfg-options', 'x=1', 'y="[1, 2]"', 'a.py', '--out-dir', 'seeds', 'b.pth'],
    ],
)
def test_words_and_options_come_in_every_order(words, monkeypatch):
    found = parse('seeds', *words, monkeypatch=monkeypatch)
    assert (found.config, found.checkpoint, found.out_dir) == ('a.py', 'b.pth', 'seeds')


def test_configs_may_stand_around_options(monkeypatch):
    words = ['a.py', '--cfg-options', 'x=1', 'y=2', 'b.py', '--gpus', '2', 'c.py']
    found = parse('run', *words, '--cfg-options', 'z=3', monkeypatch=monkeypatch)
    assert found.configs == ['a.py', 'b.py', 'c.py']
    assert found.cfg_options == ['x=1', 'y=2', 'z=3']


def test_changes_are_read_as_mmengine_reads_them():
    assert arguments.read_changes(None) is None
    changes = arguments.read_changes(['a.b=1', 'c=[1,(2,3)]', 'd=x=y', 'e=None', 'f="[g,h]"'])
    assert changes == {'a.b': 1, 'c': [1, (2, 3)], 'd': 'x=y', 'e': None, 'f': ['g', 'h']}


def test_names_that_a_parser_knows_are_those_of_the_code():
    assert arguments.SOURCES == SOURCES
    assert set(arguments.CRFS) == {*CRF_PRESETS, 'none'}
    assert arguments.BACKENDS == BACKENDS
    assert arguments.REFINERS == REFINERS
    assert set(convert_weights.KINDS) == {*LAYOUTS, 'deit', 'clip'}


def test_options_of_one_meaning_have_one_name_and_help():
    shared = {'--processes', '--gpus', '--work-dir', '--cfg-options', '--until', '--seed'}
    found = {}
    for name in COMMANDS:
        for action in build_parser(name)._actions:
            for option in shared & set(action.option_strings):
                found.setdefault(option, set()).add((action.dest, action.type, action.nargs))
    assert found.keys() == shared
    assert all(len(kinds) == 1 for kinds in found.values()), found
    grid = {option for action in build_parser('grid')._actions for option in action.option_strings}
    assert shared <= grid


@pytest.mark.parametrize('file', FORWARDS)
def test_a_tool_is_a_forward_and_nothing_else(file):
    lines = (TOOLS / file).read_text(encoding='utf-8').splitlines()
    name = lines[0].split('`')[1].removeprefix('mmwsss ')
    assert find_command(name.split())[0] in COMMANDS
    assert lines[1:] == [
        '',
        'import sys',
        '',
        'from mmwsss.commands.main import main',
        '',
        "if __name__ == '__main__':",
        f'    sys.exit(main([{", ".join(map(repr, name.split()))}, *sys.argv[1:]]))',
    ]


def test_every_command_that_mmseg_s_users_know_has_its_tool():
    names = {(TOOLS / file).read_text(encoding='utf-8').split('`')[1] for file in FORWARDS}
    kinds = {f'mmwsss convert weights {kind}' for kind in convert_weights.KINDS}
    own = {'check', 'configs', 'convert weights', 'export', 'import', 'new', 'predict', 'report'}
    own |= {'segments'}
    assert names == kinds | {f'mmwsss {name}' for name in COMMANDS if name not in own}


def test_the_page_of_commands_is_true():
    lines = (TOOLS.parent / 'docs/commands.md').read_text(encoding='utf-8').splitlines()
    rows = [line.strip('| ').split(' | ') for line in lines if line.startswith('| `mmwsss ')]
    tools = {}
    for file in FORWARDS:
        name = (TOOLS / file).read_text(encoding='utf-8').split('`')[1]
        kinds = name.startswith('mmwsss convert weights')
        tools[name.rpartition(' ')[0] if kinds else name] = (
            '`model_converters/*.py`' if kinds else f'`{file}`'
        )
    assert [row[0] for row in rows] == [f'`mmwsss {name}`' for name in COMMANDS]
    assert [row[1].strip() for row in rows] == [
        tools.get(f'mmwsss {name}', '') for name in COMMANDS
    ]
    assert [row[2] for row in rows] == [command.HELP for command in COMMANDS.values()]


def run_python(*words, cwd):
    """Run Python in a folder of its own; `mmwsss` is found as this test finds it."""
    env = os.environ | {'PYTHONPATH': str(TOOLS.parent)}
    return subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, env=env, capture_output=True, text=True
    )


def test_tools_and_the_module_answer_as_the_command_does(tmp_path):
    for words in (['-m', 'mmwsss', 'seeds'], [TOOLS / 'generate_seeds.py']):
        done = run_python(*words, '--help', cwd=tmp_path)
        assert done.returncode == 0
        assert 'example:\n  mmwsss seeds' in done.stdout
        assert run_python(*words, cwd=tmp_path).returncode == 2
        done = run_python(*words, 'absent.py', cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.count('\n') == 1
        assert 'there is no config absent.py' in done.stderr


def test_parsers_and_refusals_import_nothing_that_takes_time(tmp_path):
    code = (
        'import sys\n'
        'from mmwsss.commands.main import COMMANDS, build_parser, main\n'
        'for name in COMMANDS:\n'
        '    build_parser(name).format_help()\n'
        'words = ["--help"], ["run", "absent"], ["train", "absent"], ["grid", "absent", "g"]\n'
        'codes = [main(list(w)) for w in words]\n'
        'assert codes == [0, 1, 1, 1], codes\n'
        'heavy = {"torch", "mmengine", "mmcv", "mmseg", "numpy", "cv2"} & set(sys.modules)\n'
        'assert not heavy, heavy\n'
    )
    done = run_python('-c', code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_two_configs_of_one_name_are_refused_before_the_first_runs(tmp_path, capsys):
    (tmp_path / 'irn_toy.py').write_text('stages = dict()')
    assert main(['run', 'irn_toy', str(tmp_path / 'irn_toy.py')]) == 1
    assert "have one name, 'irn_toy', and so one folder" in capsys.readouterr().err


def test_runs_that_would_share_a_folder_are_refused(tmp_path, capsys):
    for name in 'ab':
        (tmp_path / f'{name}.py').write_text("work_dir = 'mine'")
    (tmp_path / 'grid.py').write_text("grid = {'row': {'total_batch_size': 1}}")
    a, b, grid = (str(tmp_path / f'{name}.py') for name in ('a', 'b', 'grid'))
    assert main(['run', a, b]) == 1
    assert "two of the configs say work_dir='mine': give --work-dir" in capsys.readouterr().err
    assert main(['grid', a, grid]) == 1
    assert "a.py says work_dir='mine', but each row of a grid has" in capsys.readouterr().err
