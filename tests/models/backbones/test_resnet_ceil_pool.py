import pytest
import torch

from mmwsss.registry import MODELS

SMALL = {
    'depth': 50,
    'stem_channels': 4,
    'base_channels': 4,
    'strides': (1, 2, 2, 1),
    'dilations': (1, 1, 1, 1),
}


def build(kind, **options):
    torch.manual_seed(0)
    backbone = MODELS.build({'type': kind, **SMALL, **options})
    backbone.eval()  # mmseg's returns None
    return backbone


@pytest.mark.parametrize(('side', 'cells'), [(64, 17), (65, 17), (67, 18), (321, 81), (320, 81)])
def test_caffe_pools_partial_windows(side, cells):
    ours, theirs = build('mmwsss.ResNetCeilPool'), build('mmseg.ResNet')
    ours.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        first = ours(torch.randn(1, 3, side, 32))[0]
    assert first.shape[-2] == cells
