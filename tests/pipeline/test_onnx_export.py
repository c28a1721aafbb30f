"""Networks as ONNX compute what they compute in torch, at sizes that they were not exported at."""

import numpy as np
import pytest
import torch

from mmwsss.pipeline import onnx_export
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.onnx_export import SegmentorGraph, export_graph, export_networks

pytest.importorskip('onnxscript', reason='the extra `onnx` is not installed')
runtime = pytest.importorskip('onnxruntime', reason='the extra `onnx` is not installed')


class Halving(torch.nn.Module):
    """Computes on half of the size, rounded up."""

    outputs = {'logits': 'at half of the size', 'mean': 'of all'}

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 2, 3, stride=2, padding=1)

    def forward(self, image):
        logits = self.conv(image)
        return logits, logits.mean(dim=(2, 3))


def test_a_network_runs_at_sizes_that_it_was_not_exported_at(tmp_path):
    """Those of a run take half a minute each: tests/long/test_onnx_networks.py."""
    graph = Halving().eval()
    difference = export_graph(graph, tmp_path / 'out/halving.onnx', ((96, 128), (71, 64)))
    assert difference < 1e-4
    session = runtime.InferenceSession(tmp_path / 'out/halving.onnx')
    image = torch.rand(1, 3, 33, 50) * 255
    found = session.run(['logits', 'mean'], {'image': image.numpy()})
    assert found[0].shape == (1, 2, 17, 25)
    for ours, theirs in zip(graph(image), found, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-4, atol=1e-3)


class Wrong(torch.nn.Module):
    """Computes something else as soon as it is exported."""

    outputs = {'logits': ''}

    def forward(self, image):
        value = image.mean(dim=(2, 3))
        return value if torch.compiler.is_exporting() else value + 1


def test_a_network_that_comes_out_wrong_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r'wrong computes something else as ONNX: .* off at most'):
        export_graph(Wrong().eval(), tmp_path / 'wrong.onnx', ((8, 9), (10, 11)))
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, '_PACKAGES', ('onnx', 'no_such_package'))
    with pytest.raises(ImportError, match=r'ONNX needs no_such_package: pip install -r requirem'):
        export_networks(tmp_path, tmp_path)


def test_colours_are_turned_for_a_network_that_takes_bgr():
    image = torch.rand(1, 3, 4, 5) * 255
    preprocessor = load_config('deeplabv2_toy').model.data_preprocessor
    mean, std = (torch.tensor(preprocessor[key]).view(3, 1, 1) for key in ('mean', 'std'))

    class Network(torch.nn.Module):
        align_corners = False
        decode_head = torch.nn.Identity()

        def __init__(self, turns):
            super().__init__()
            self.data_preprocessor = torch.nn.Module()
            self.data_preprocessor.mean, self.data_preprocessor.std = mean, std
            self.data_preprocessor.channel_conversion = turns

        def extract_feat(self, inputs):
            return inputs

    torch.testing.assert_close(SegmentorGraph(Network(True))(image), (image - mean) / std)
    torch.testing.assert_close(SegmentorGraph(Network(False))(image), (image.flip(1) - mean) / std)
