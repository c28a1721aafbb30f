"""The networks of a run as ONNX, by the command: half a minute for each."""

import json

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmwsss.commands.main import main
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.network import adopt_checkpoint
from mmwsss.registry import MODELS

pytest.importorskip('onnxscript', reason='the extra `onnx` is not installed')
runtime = pytest.importorskip('onnxruntime', reason='the extra `onnx` is not installed')


def test_segmentor_and_classification_network_compute_what_they_do_in_torch(tmp_path):
    init_default_scope('mmseg')
    networks = {}
    for stage, name in (('segmentor', 'deeplabv2_toy'), ('cam', 'irn_cpal_toy')):
        torch.manual_seed(0)
        config = load_config(name)
        config.work_dir = str(tmp_path / stage)
        networks[stage] = MODELS.build(config.model).eval()
        torch.save({'state_dict': networks[stage].state_dict()}, tmp_path / 'weights.pth')
        (tmp_path / stage).mkdir()
        adopt_checkpoint(tmp_path / 'weights.pth', config)
    assert main(['export', str(tmp_path), '--to', 'onnx']) == 0

    image = torch.rand(1, 3, 131, 177) * 255  # no multiple of a stride
    for name, count in (('segmentor', 11), ('cam', 10)):
        folder = tmp_path / 'exported/onnx'
        card = json.loads((folder / f'{name}.json').read_text())
        assert len(card['classes']) == count
        assert card['checked']['largest_difference'] < 1e-4
        session = runtime.InferenceSession(folder / f'{name}.onnx')
        found = session.run(list(card['outputs']), {'image': image.numpy()})
        network = networks[name]
        preprocessor = network.data_preprocessor
        normalised = (image - preprocessor.mean) / preprocessor.std
        with torch.no_grad():
            if name == 'cam':
                output = network.compute_cam(normalised)
                expected = [output.cam, output.logits]
            else:
                logits = network.decode_head(network.extract_feat(normalised))
                size = image.shape[-2:]
                expected = [torch.nn.functional.interpolate(logits, size, mode='bilinear')]
        for ours, theirs in zip(expected, found, strict=True):
            assert ours.std() > 0
            np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-4, atol=1e-4)
