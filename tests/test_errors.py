import pytest

from mmwsss.errors import Faults, SeveralFaults


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
