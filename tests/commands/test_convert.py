import json

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from PIL import Image

from mmwsss.commands.main import main
from mmwsss.model_converters import LAYOUTS
from mmwsss.pipeline.config import load_config
from mmwsss.registry import MODELS

XML = """<annotation><filename>1.jpg</filename>
<object><name>person</name><part><name>head</name></part></object>
<object><name>dog</name><difficult>1</difficult></object></annotation>"""


def save_mask(path, values):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.array(values, dtype=np.uint8)).save(path)


def test_labels(tmp_path):
    out = tmp_path / 'labels.json'
    (tmp_path / 'xml').mkdir()
    (tmp_path / 'xml' / '1.xml').write_text(XML)
    save_mask(tmp_path / 'masks' / '1.png', [[0, 20]])
    save_mask(tmp_path / 'masks' / '2.png', [[0, 1, 7]])
    (tmp_path / 'labels.txt').write_text('1 cat\n')
    (tmp_path / 'ids.txt').write_text('2\n')

    def convert(source, path, *more):
        words = ['convert', 'labels', source, str(tmp_path / path), '--out', str(out), *more]
        assert main(words) == 0
        return json.loads(out.read_text())

    assert convert('voc_xml', 'xml') == {'1': ['dog', 'person']}
    assert convert('masks', 'masks', '--ignore-index', '7') == {
        '1': ['tvmonitor'],
        '2': ['aeroplane'],
    }
    ids = ['--ids', str(tmp_path / 'ids.txt'), '--ignore-index', '7']
    assert convert('masks', 'masks', *ids, '--classes', 'x', 'y') == {'2': ['x', 'y']}
    assert convert('text', 'labels.txt') == {'1': ['cat']}


def test_trainaug(tmp_path):
    save_mask(tmp_path / 'SegmentationClassAug' / 'a.png', [[0]])
    lists = tmp_path / 'ImageSets' / 'Segmentation'
    lists.mkdir(parents=True)
    (lists / 'val.txt').write_text('b\n')
    with pytest.warns(UserWarning, match='10582'):
        assert main(['convert', 'trainaug', str(tmp_path)]) == 0
    assert (lists / 'trainaug.txt').read_text() == 'a\n'


def released_names(layout, ours):
    """The released name of each of our tensors that ends an `nn.Sequential` of a ResNet."""
    return {'classifier.weight' if 'classifier' in k else f'resnet50.{k[9:]}': k for k in ours}


def test_weights(tmp_path, capsys):
    init_default_scope('mmseg')
    layout = LAYOUTS['irn_cam']
    ours = MODELS.build(load_config(layout.config).model).state_dict()
    released = {name: ours[own] for name, own in released_names(layout, ours).items()}
    source, out = str(tmp_path / 'a.pth'), str(tmp_path / 'b.pth')
    torch.save(released, source)
    assert main(['convert', 'weights', 'irn_cam', source, out]) == 0
    assert 'with configs/irn/irn_voc.py' in capsys.readouterr().out
    found = torch.load(out, weights_only=True)['state_dict']
    assert found.keys() == ours.keys()
    assert all(found[name].equal(value) for name, value in ours.items())
    assert main(['convert', 'weights', 'irnet', source, out]) == 1
    assert 'is not IRN' in capsys.readouterr().err
