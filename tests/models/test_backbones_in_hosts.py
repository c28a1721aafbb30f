"""Every family of backbones in IRN, alone and with CPAL: a step, and seeds of odd sizes."""

import copy

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from timm_networks import FAMILIES, small
from torch import nn

from mmwsss.models.segmentors import CAMTTAModel
from mmwsss.pipeline.backbones import backbone_channels
from mmwsss.registry import MODELS

pytest.importorskip('timm')
LABELS = torch.tensor([[1.0, 0, 1], [0, 1, 0]])
PADDED_CONVNEXT = {
    'type': 'mmwsss.PaddedBackbone',
    'strides': (4, 8, 16, 32),
    'backbone': {
        'type': 'mmpretrain.ConvNeXt',
        'arch': {'depths': [1, 1, 1, 1], 'channels': [8, 12, 16, 24]},
        'out_indices': (0, 1, 2, 3),
        'gap_before_final_norm': False,
    },
}
BACKBONES = {
    **{family: small(family) for family in FAMILIES},
    'mmpretrain_convnext': PADDED_CONVNEXT,
    'mmpretrain_resnet': {
        'type': 'mmpretrain.ResNet',
        'depth': 18,
        'stem_channels': 8,
        'base_channels': 8,
        'out_indices': (0, 1, 2, 3),
        'strides': (1, 2, 2, 1),
    },
    **{f'efficientnet_lite{n}': {'type': f'mmwsss.EfficientNetLite{n}'} for n in (1, 2)},
}


@pytest.fixture(autouse=True, scope='module')
def scope():
    import mmpretrain.models  # noqa: F401

    init_default_scope('mmseg')


def build(name, plug_in):
    torch.manual_seed(0)
    backbone = copy.deepcopy(BACKBONES[name])
    if name.startswith('efficientnet_lite'):
        backbone['pretrained'] = False
    channels = backbone_channels(backbone)
    model = {
        'type': 'mmwsss.CAMSegmentor',
        'backbone': backbone,
        'cam_head': {
            'type': 'mmwsss.LinearCAMHead',
            'in_channels': channels[-1],
            'num_classes': LABELS.shape[1],
        },
        'data_preprocessor': {
            'type': 'mmwsss.CAMDataPreProcessor',
            'mean': [127.0] * 3,
            'std': [64.0] * 3,
            'size_divisor': 1,
        },
    }
    if plug_in:
        model['prototype_head'] = {
            'type': 'mmwsss.PrototypeAwareCAMHead',
            'num_classes': LABELS.shape[1],
            'projection': {'type': 'mmwsss.SideProjection', 'in_channels': channels},
            'bank': {'length': 4, 'num_prototypes': 2},
            'tau': 0.0,
        }
    return MODELS.build(model)


def batch(size, number=2):
    """What a data loader gives: images and samples of one size."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(256, (number, 3, *size), generator=generator, dtype=torch.uint8)
    samples = []
    for label in LABELS[:number]:
        sample = SegDataSample(
            metainfo={'ori_shape': size, 'img_shape': size, 'flip': False, 'img_path': 'a.jpg'}
        )
        sample.gt_label = LabelData(multi_hot=label)
        samples.append(sample)
    return {'inputs': list(images), 'data_samples': samples}


@pytest.mark.parametrize('name', BACKBONES)
def test_a_step_with_cpal_and_seeds_of_odd_sizes(name):
    """IRN's part is the same with and without CPAL, to the last bit (test_cam_segmentor.py)."""
    model = build(name, plug_in=True)
    model.train()
    model.collect(batch((77, 69)))
    model.prototype_head.update_context_prototypes(seed=0)
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    losses = model.train_step(batch((77, 69)), OptimWrapper(optimizer))
    assert losses['loss_cls'].isfinite() and losses['loss_self'] > 0
    moved = {k for k, p in model.named_parameters() if not p.equal(before[k])}
    assert 'cam_head.classifier.weight' in moved
    assert any(key.startswith('backbone.') for key in moved)
    assert any(key.startswith('prototype_head.') for key in moved)

    tta = CAMTTAModel(model.eval())
    for size in ((33, 50), (71, 45), (61, 62)):
        view = batch(size, number=1)
        with torch.no_grad():
            (found,) = tta.test_step({key: [value] for key, value in view.items()})
        seed = found.pred_seed
        assert seed.cam.shape == (2, -(-size[0] // 4), -(-size[1] // 4))
        for maps in (seed.cam, seed.pacam):
            assert maps.min() >= 0 and maps.max() <= 1


@pytest.mark.parametrize('name', ['dinov2', 'swin', 'resnet'])
def test_a_step_of_irn_alone(name):
    model = build(name, plug_in=False)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    first = model.train_step(batch((77, 69)), OptimWrapper(optimizer))
    assert set(first) == {'loss', 'loss_cls'}
    second = model.train_step(batch((77, 69)), OptimWrapper(optimizer))
    assert second['loss_cls'] < first['loss_cls']  # of the same images


@MODELS.register_module(force=True)
class Brightness(nn.Module):
    """Cells of 14 pixels, each the mean of what it sees; the last ones see padding, too."""

    cell_size = 14

    def forward(self, inputs):
        height, width = inputs.shape[-2:]
        padded = nn.functional.pad(inputs, (0, -width % 14, 0, -height % 14))
        return (nn.functional.avg_pool2d(padded, 14)[:, :1],)


def bright(columns, size=(28, 50), valid=None):
    """A sample whose image is white in some columns, and the model that finds them."""
    model = MODELS.build(
        {
            'type': 'mmwsss.CAMSegmentor',
            'backbone': {'type': 'mmwsss.Brightness'},
            'cam_head': {'type': 'mmwsss.LinearCAMHead', 'in_channels': 1, 'num_classes': 1},
        }
    ).eval()
    nn.init.ones_(model.cam_head.classifier.weight)
    image = torch.zeros(1, 3, *size)
    image[..., columns] = 1
    sample = SegDataSample(metainfo={'ori_shape': size, 'img_shape': size, 'flip': False})
    sample.gt_label = LabelData(multi_hot=torch.ones(1))
    if valid is not None:
        sample.valid_mask = PixelData(data=valid)
    return model, image, sample


def centre(maps):
    """The mean column of a map, in pixels of an image of 50."""
    weight = torch.as_tensor(maps, dtype=torch.float32).sum(dim=(0, 1))
    places = (torch.arange(len(weight)) + 0.5) * 50 / len(weight)
    return ((weight * places).sum() / weight.sum()).item()


@pytest.mark.parametrize(
    ('start', 'flip'), [(0, False), (14, False), (28, False), (14, True), (28, True)]
)
def test_a_seed_lies_where_the_object_is_and_so_does_that_of_the_mirrored_image(start, flip):
    """50 columns are four cells, of 56: a map that was stretched would lie off, and its mirror."""
    model, image, sample = bright(slice(start, start + 14))
    if flip:
        image = image.flip(-1)
        sample.set_metainfo({'flip': True, 'flip_direction': 'horizontal'})
    with torch.no_grad():
        views = model.predict(image, [sample])
    (merged,) = CAMTTAModel(model).merge_preds([views])
    assert centre(merged.pred_seed.cam) == pytest.approx(start + 7, abs=1.5)


def test_a_cell_counts_when_half_of_it_is_image():
    for width, expected in ((42, [1, 1, 1, 0]), (48, [1, 1, 1, 0]), (49, [1, 1, 1, 1])):
        valid = torch.zeros(1, 28, 50, dtype=torch.uint8)
        valid[..., :width] = 1
        model, image, sample = bright(slice(0, 14), valid=valid)
        output = model.compute_cam(image, [sample])
        assert output.valid[0, 0].tolist() == [expected, expected]


def test_full_size_maps_have_the_size_of_the_image():
    model, image, sample = bright(slice(28, 42))
    with torch.no_grad():
        views = model.predict(image, [sample])
    (merged,) = CAMTTAModel(model, full_size=True).merge_preds([views])
    assert merged.pred_seed.cam.shape == (1, 28, 50)
    assert centre(merged.pred_seed.cam) == pytest.approx(35, abs=1.5)


def test_a_backbone_with_another_number_of_maps_is_refused():
    config = copy.deepcopy(PADDED_CONVNEXT)
    config['strides'] = (16, 32)
    with pytest.raises(ValueError, match=r'strides has 2 numbers, but ConvNeXt returns 4 maps'):
        MODELS.build(config)(torch.zeros(1, 3, 32, 32))
