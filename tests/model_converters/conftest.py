import pytest
import torch
from released_networks import NETWORKS, randomize


@pytest.fixture(scope='session')
def released_network():
    """Make a released network by the name of its layout; each is made once."""
    made = {}

    def make(name):
        if name not in made:
            torch.manual_seed(0)
            made[name] = randomize(NETWORKS[name]())
        return made[name]

    return make
