import copy

import torch

from mmwsss.functional.cpu_copy import cpu_copy, remember, send, stack


def test_what_was_sent_is_given_back():
    known = torch.tensor([1.0, 0.0])
    sent = send(known, 'meta')  # a device that nothing can be read back from
    assert sent.device.type == 'meta'
    assert cpu_copy(sent) is known


def test_what_is_on_the_cpu_is_its_own_copy():
    known = torch.tensor([1.0, 0.0])
    assert send(known, 'cpu') is known
    assert cpu_copy(known) is known
    assert not vars(known)  # it does not hold itself


def test_what_is_computed_from_a_tensor_is_not_known():
    sent = remember(torch.tensor([1.0, 0.0]), torch.tensor([7.0, 7.0]))
    assert cpu_copy(sent + 1).tolist() == [2, 1]
    assert cpu_copy(sent[:1]).tolist() == [1]


def test_copies_are_stacked_in_order():
    known = [torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])]
    stacked = stack([send(part, 'meta') for part in known])
    assert stacked.shape == (2, 2)
    assert cpu_copy(stacked).tolist() == [[1, 0], [0, 2]]


def test_a_stack_of_what_is_known_in_part_is_read_back():
    known = torch.tensor([1.0, 0.0])
    parts = [remember(known.clone(), known), torch.tensor([0.0, 2.0])]
    assert not vars(stack(parts))
    assert cpu_copy(stack(parts)).tolist() == [[1, 0], [0, 2]]


def test_a_copy_of_a_tensor_knows_what_the_tensor_knew():
    sent = remember(torch.tensor([1.0]), torch.tensor([1.0]))
    assert cpu_copy(copy.deepcopy(sent)).tolist() == [1]
