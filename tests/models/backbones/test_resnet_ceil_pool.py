import pytest
import torch
from small_networks import small_resnet


@pytest.mark.parametrize(('side', 'cells'), [(64, 17), (65, 17), (67, 18), (321, 81), (320, 81)])
def test_caffe_pools_partial_windows(side, cells):
    ours, theirs = small_resnet('mmwsss.ResNetCeilPool'), small_resnet('mmseg.ResNet')
    ours.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        first = ours(torch.randn(1, 3, side, 32))[0]
    assert first.shape[-2] == cells
