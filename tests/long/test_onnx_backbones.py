"""IRN on every family of backbones as ONNX: what torch computes, at sizes of no whole patches."""

import pytest
import torch
from mmengine.registry import init_default_scope
from timm_networks import FAMILIES, small

from mmwsss.pipeline.backbones import backbone_channels
from mmwsss.pipeline.onnx_export import TOLERANCE, CAMGraph, export_graph
from mmwsss.registry import MODELS

pytest.importorskip('timm')
pytest.importorskip('onnxscript', reason='the extra `onnx` is not installed')
pytest.importorskip('onnxruntime', reason='the extra `onnx` is not installed')
SIZES = ((96, 128), (131, 75))


@pytest.mark.parametrize('family', FAMILIES)
def test_the_network_computes_what_it_does_in_torch(family, tmp_path):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    backbone = small(family)
    network = MODELS.build(
        {
            'type': 'mmwsss.CAMSegmentor',
            'backbone': backbone,
            'cam_head': {
                'type': 'mmwsss.LinearCAMHead',
                'in_channels': backbone_channels(backbone)[-1],
                'num_classes': 3,
            },
            'data_preprocessor': {
                'type': 'mmwsss.CAMDataPreProcessor',
                'mean': [127.0] * 3,
                'std': [64.0] * 3,
                'bgr_to_rgb': True,
            },
        }
    )
    path = tmp_path / 'cam.onnx'
    difference = export_graph(CAMGraph(network.eval()), path, SIZES)
    assert difference <= TOLERANCE
