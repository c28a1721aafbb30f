import pytest
import torch

from mmwsss.errors import Faults, SeveralFaults, run_saying_errors


class Damaged(torch.utils.data.Dataset):
    """A data set whose only image cannot be read."""

    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise ValueError('a.jpg is damaged')


def test_the_error_of_a_process_that_loads_data_is_a_sentence_too(capsys, monkeypatch):
    monkeypatch.delenv('MMWSSS_TRACEBACK', raising=False)
    loader = torch.utils.data.DataLoader(Damaged(), num_workers=1)
    assert run_saying_errors(lambda: list(loader)) == 1
    assert capsys.readouterr().err == 'ValueError: a.jpg is damaged\n'


def collected(*errors):
    faults = Faults()
    for error in errors:
        with faults.collect():
            raise error
    return faults


def test_one_error_stays_what_it_is():
    with pytest.raises(FileNotFoundError, match=r'^a$'):
        collected(FileNotFoundError('a'), ValueError('a')).say()


def test_several_are_said_at_once_and_each_once():
    inner = SeveralFaults(['b', 'c'])
    with pytest.raises(SeveralFaults, match=r'^3 things are wrong:\n1\. a\n2\. b\n3\. c$'):
        collected(ValueError('a'), inner, OSError('b')).say()


def test_nothing_wrong_is_nothing_said():
    faults = collected()
    assert not faults
    faults.say()


def test_errors_of_the_program_are_not_collected():
    with pytest.raises(KeyError):
        collected(KeyError('a'))
