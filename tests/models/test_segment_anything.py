import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from mmwsss.models.segment_anything import NETWORKS, SAM, SAM2, MobileSAM


class Network(torch.nn.Linear):
    """Stands for the network of a package."""

    def __init__(self, checkpoint):
        super().__init__(1, 1)
        self.checkpoint = checkpoint


class Other(Network):
    """Stands for another size of it."""


class Generator:
    """Stands for the automatic mask generator of a package; keeps what it was told."""

    def __init__(self, model, **options):
        self.model, self.options = model, options


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / 'weights.pth'
    path.write_bytes(b'')
    return str(path)


@pytest.mark.parametrize(('kind', 'name'), [(SAM, 'vit_h'), (MobileSAM, 'vit_t')])
def test_the_registry_of_the_package_builds(kind, name, weights, monkeypatch):
    package = ModuleType(kind.package)
    package.sam_model_registry = {'vit_h': Other, 'vit_t': Other, 'vit_b': Other, name: Network}
    package.SamAutomaticMaskGenerator = Generator
    monkeypatch.setitem(sys.modules, kind.package, package)
    settings = kind(checkpoint=weights, points_per_side=8, stability_score_thresh=0.9)
    settings.check()
    generator = settings.build()
    assert generator.model.checkpoint == weights and not generator.model.training
    assert generator.options == {
        'output_mode': 'coco_rle',
        'points_per_side': 8,
        'stability_score_thresh': 0.9,
        'min_mask_region_area': 0,
    }
    assert type(generator.model) is Network
    assert type(kind(checkpoint=weights, model='vit_b').build().model) is Other
    assert kind(checkpoint=weights).build().options == {  # the package's own, and its defaults
        'output_mode': 'coco_rle',
        'points_per_side': 32,
        'min_mask_region_area': 0,
    }
    with pytest.raises(ValueError, match="is 'vit_x'; choose one of vit_h, vit_t"):
        kind(checkpoint=weights, model='vit_x').build()


def test_a_config_of_the_package_builds_sam_2(weights, monkeypatch):
    calls = []

    def build_sam2(model, checkpoint, device):
        calls.append((model, checkpoint, device))
        return 'network'

    modules = {
        'sam2': {},
        'sam2.build_sam': {'build_sam2': build_sam2},
        'sam2.automatic_mask_generator': {'SAM2AutomaticMaskGenerator': Generator},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    settings = SAM2(checkpoint=weights, pred_iou_thresh=0.7, min_mask_region_area=25)
    settings.check()
    generator = settings.build()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    assert calls == [('configs/sam2.1/sam2.1_hiera_l.yaml', weights, device)]
    assert generator.model == 'network'
    assert generator.options['pred_iou_thresh'] == 0.7
    assert generator.options['min_mask_region_area'] == 25


@pytest.mark.parametrize('kind', NETWORKS.values())
def test_missing_packages_and_weights_are_said_in_one_sentence(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, kind.package, None)
    with pytest.raises(ModuleNotFoundError, match=rf'need the package {kind.package}, .*felzen'):
        kind(checkpoint='none.pth').check()
    monkeypatch.setitem(sys.modules, kind.package, SimpleNamespace())
    with pytest.raises(FileNotFoundError, match=r'no weights none\.pth for .*: download'):
        kind(checkpoint='none.pth').check()


def test_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match=r'pred_iou_thresh is 88; it must lie in \[0, 1\], or be'):
        SAM(checkpoint='x', pred_iou_thresh=88)
    with pytest.raises(ValueError, match='points_per_side is 0'):
        SAM(checkpoint='x', points_per_side=0)
    assert np.isclose(SAM('x', min_mask_region_area=3).min_mask_region_area, 3)
