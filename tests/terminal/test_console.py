import subprocess
import sys

import pytest
from terminals import moves, on_screen, run_in_terminal

from mmwsss.terminal import Console, log_file, show, show_stage, stage_line

STAGES = """
import os, sys, warnings
from mmwsss.errors import run_saying_errors
from mmwsss.terminal import Console, progress, show, show_stage, stage_line
words = sys.argv[2:]
def work():
    with Console(verbose='verbose' in words, first='second' not in words):
        print('read the config')
        show_stage('cam', 'done and unchanged: skipped')
        with stage_line('seeds', sys.argv[1]) as line:
            print('whole config')
            warnings.warn('skipped since requires_grad=False')
            os.system('echo child')
            with progress('test', 4) as bar:
                bar._drawn = 0.0  # long ago
                bar.move(1)
                bar._drawn = 0.0
                bar.move(4, 'epoch 1/2', 'loss 0.5')
            if 'fail' in words:
                raise ValueError('the image a.jpg is damaged: copy it again')
            if 'break' in words:
                raise AssertionError('this cannot be')
            if 'stop' in words:
                raise KeyboardInterrupt
            line.result = '120 seeds'
        print('between')
        show('the table')
sys.exit(run_saying_errors(work))
"""


def run(*words):
    """Run the stages with pipes for a terminal; return code and lines of both."""
    done = subprocess.run(
        [sys.executable, '-c', STAGES, *map(str, words)], capture_output=True, text=True
    )
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def in_terminal(*words, columns=100):
    """Run the stages in a pseudo terminal; return the code and all that it was sent."""
    return run_in_terminal([sys.executable, '-c', STAGES, *map(str, words)], columns)


def test_a_pipe_gets_one_line_at_the_start_and_one_at_the_end(tmp_path):
    code, out, err = run(tmp_path)
    assert code == 0
    assert err == []
    assert out[0] == 'cam          done and unchanged: skipped'
    assert out[1] == 'seeds        starts'
    assert out[2].startswith('seeds  ')
    assert out[2].endswith(' s  120 seeds, loss 0.5')
    assert out[3:] == ['the table']
    assert not any('\r' in line or '\x1b' in line for line in out)


def test_all_else_is_in_the_log_and_what_came_before_the_stage_too(tmp_path):
    run(tmp_path)
    log = (tmp_path / 'log.txt').read_text()
    words = ['read the config', 'whole config', 'skipped since requires_grad', 'child']
    places = [log.index(word) for word in words]
    assert places == sorted(places)
    assert 'between' not in log
    run(tmp_path)
    assert (tmp_path / 'log.txt').read_text() == log * 2  # a stage that goes on adds to it


def test_a_terminal_gets_one_line_that_moves_and_one_at_the_end(tmp_path):
    code, sent = in_terminal(tmp_path)
    assert code == 0
    cam, seeds, *rest = on_screen(sent)
    assert cam == 'cam          done and unchanged: skipped'
    assert seeds.endswith(' s  120 seeds, loss 0.5')
    assert rest == ['the table', '']
    shown = moves(sent)
    assert shown[0] == 'seeds        starts'
    assert shown[1] == 'seeds          0%  0/4'
    assert shown[2].startswith('seeds         25%  1/4')
    assert shown[3].startswith('seeds        epoch 1/2  100%  4/4')
    assert shown[3].endswith('s left  loss 0.5')


def test_a_line_that_moves_never_wraps(tmp_path):
    _, sent = in_terminal(tmp_path, columns=30)
    assert max(map(len, moves(sent))) == 29


@pytest.mark.parametrize('terminal', [False, True])
def test_a_failure_ends_with_the_log_and_the_sentence(tmp_path, terminal):
    if terminal:
        code, sent = in_terminal(tmp_path, 'fail')
        shown = on_screen(sent)[:-1]
    else:
        code, out, err = run(tmp_path, 'fail')
        shown = [*out, *err]
        assert len(err) == 2
    assert code == 1
    assert shown[-3].split()[0] == 'seeds'
    assert shown[-3].split()[-1] == 'failed'
    assert shown[-2] == f'the whole log: {tmp_path / "log.txt"}'
    assert shown[-1] == 'ValueError: the image a.jpg is damaged: copy it again'
    log = (tmp_path / 'log.txt').read_text().splitlines()
    assert 'Traceback (most recent call last):' in log
    assert log[-1] == shown[-1]


def test_an_error_of_ours_is_said_in_one_sentence_too_as_its_traceback_is_in_the_log(tmp_path):
    code, _, err = run(tmp_path, 'break')
    assert code == 1
    assert err == [f'the whole log: {tmp_path / "log.txt"}', 'AssertionError: this cannot be']
    assert 'Traceback (most recent call last):' in (tmp_path / 'log.txt').read_text()
    _, _, err = run(tmp_path, 'break', 'verbose')
    assert 'Traceback (most recent call last):' in err
    assert err[-1] == 'AssertionError: this cannot be'


def test_a_pipe_that_is_closed_stops_no_run(tmp_path):
    done = tmp_path / 'done'
    code = STAGES.replace("show('the table')", f"show('the table'); open({str(done)!r}, 'w')")
    process = subprocess.Popen(
        [sys.executable, '-c', code, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.wait() == 0, process.stderr.read()
    process.stderr.close()
    assert done.exists()


def test_an_interruption_is_no_failure(tmp_path):
    code, out, err = run(tmp_path, 'stop')
    assert code == 130
    assert out[-1].endswith('  stopped')
    assert err == []


@pytest.mark.parametrize('terminal', [False, True])
def test_verbose_shows_everything_and_keeps_no_log(tmp_path, terminal):
    if terminal:
        text = in_terminal(tmp_path, 'verbose')[1]
        shown = text.split('\r\n')
    else:
        _, out, err = run(tmp_path, 'verbose')
        shown = [*out, *err]
        text = '\n'.join(shown)
    for words in ('read the config', 'whole config', 'skipped since requires_grad', 'child'):
        assert words in text
    assert 'seeds        starts' in shown
    assert 'the table' in shown
    assert '4/4' in text  # the bar of tqdm
    assert not (tmp_path / 'log.txt').exists()


def test_the_other_processes_show_nothing_and_write_to_the_same_log(tmp_path):
    code, out, err = run(tmp_path, 'second', 'fail')
    assert (code, out) == (1, [])
    log = f'the whole log: {tmp_path / "log.txt"}'
    assert err == [log, 'ValueError: the image a.jpg is damaged: copy it again']
    assert 'whole config' in (tmp_path / 'log.txt').read_text()


def test_without_a_console_all_is_as_ever(tmp_path, capfd):
    show_stage('cam', 'skipped')
    with stage_line('seeds', tmp_path) as line:
        print('whole config')
        line.result = '120 seeds'
        assert log_file() is line.log is None
    show('the table')
    assert capfd.readouterr() == ('whole config\nthe table\n', '')
    assert not list(tmp_path.iterdir())


def test_a_console_that_keeps_no_log_lets_output_through(capfd):
    with Console(quiet=False):
        print('5 masks written')
        show('done')
    assert sorted(capfd.readouterr().out.split('\n')) == ['', '5 masks written', 'done']


def test_the_log_of_the_stage_at_work_is_known_to_other_processes(tmp_path):
    with Console():
        with stage_line('seeds', tmp_path) as line:
            assert log_file() == line.log == tmp_path / 'log.txt'
        assert log_file() is None
    assert log_file() is None
