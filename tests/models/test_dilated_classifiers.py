import torch

from mmwsss.models.dilated_classifiers import DilatedClassifiers


def test_each_branch_sees_its_own_distance():
    """One bright pixel; each branch has a weight of its own on the left neighbour."""
    module = DilatedClassifiers(1, 2, (1, 3))
    for branch, weight in zip(module, (10.0, 100.0), strict=True):
        torch.nn.init.zeros_(branch.weight)
        branch.weight.data[1, 0, 1, 0] = weight  # class 1, middle row, left column
        torch.nn.init.constant_(branch.bias, 0.5)
    features = torch.zeros(1, 1, 1, 6)
    features[..., 1] = 1.0
    out = module(features)
    assert out[0, 0, 0].tolist() == [1, 1, 1, 1, 1, 1]  # the two biases
    assert out[0, 1, 0].tolist() == [1, 1, 11, 1, 101, 1]


def test_names_are_those_of_a_list():
    names = dict(DilatedClassifiers(3, 5).named_parameters())
    assert list(names) == [f'{k}.{part}' for k in range(4) for part in ('weight', 'bias')]
    assert names['0.weight'].shape == (5, 3, 3, 3)
