"""What a backbone says is said nowhere else: channels, colours; and another one by its name."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmwsss.commands.main import main
from mmwsss.models.backbones import backbone_statistics
from mmwsss.pipeline.backbones import backbone_channels, read_backbone
from mmwsss.pipeline.building import build_stages
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.run import open_workspace
from mmwsss.shipped import shipped_backbones

pytest.importorskip('timm')
ROOT = Path(__file__).resolve().parents[2]
# name -> channels of the last map; the mean of red
NAMED = {
    'convnextv2_tiny': (768, 123.675),
    'dinov2_small': (384, 123.675),
    'dinov3_small': (384, 123.675),
    'efficientnet_lite0': (320, 127.0),
    'efficientnet_lite1': (320, 127.0),
    'efficientnet_lite2': (352, 127.0),
    'eva02_small': (384, 122.7709),
    'resnet101': (2048, 123.675),
    'resnet18': (512, 123.675),
    'resnet34': (512, 123.675),
    'resnet50': (2048, 123.675),
    'siglip2_base': (768, 127.5),
    'swin_tiny': (768, 123.675),
}


def test_every_named_backbone_is_looked_at():
    assert shipped_backbones() == sorted(NAMED)


@pytest.mark.parametrize('name', NAMED)
def test_a_named_backbone_tells_channels_and_colours(name):
    channels, red = NAMED[name]
    backbone = read_backbone(name).backbone
    backbone.pop('_delete_')
    found = backbone_channels(backbone)
    assert len(found) == 4 and found[-1] == channels
    known = backbone_statistics(backbone)
    assert known is not None and known.mean[0] == red


def test_a_name_on_the_command_line_does_what_the_config_of_that_name_does():
    for name in ('dinov2_small', 'resnet18'):
        named = load_config('irn_cpal_voc', backbone=name)
        written = load_config(f'irn_cpal_{name}_voc')
        for key in ('model', 'optim_wrapper', 'stages', 'custom_hooks'):
            assert named[key] == written[key], key
        assert named.work_dir == f'work_dirs/irn_cpal_voc_{name}'
        assert not build_stages(named)['irnet'].backbone


def test_every_reader_is_told_its_channels():
    amn = load_config('amn_voc', backbone='resnet18').model
    assert amn.cam_head.in_channels == 512
    sipe = load_config('sipe_voc', backbone='resnet18').model.cam_head
    assert sipe.in_channels == 512 and sipe.projection.in_channels == (64, 128, 256, 512)
    irnet = load_config('irnet_voc_mini', {'model.backbone.type': 'mmwsss.EfficientNetLite2'})
    assert irnet.model.in_channels == (24, 24, 48, 120, 352)
    segmentor = load_config(
        'deeplabv2_efficientnet_lite0_voc_mini',
        {'model.backbone.type': 'mmwsss.EfficientNetLite2'},
    )
    assert segmentor.model.decode_head.in_channels == 352


def test_a_stage_with_another_backbone_has_its_numbers():
    options = {
        'stages.irnet.options': {'model.backbone.type': 'mmwsss.EfficientNetLite2'},
        'stages.irnet.backbone': None,
        'stages.cam.options': {'model.backbone.type': 'mmwsss.EfficientNetLite1'},
    }
    workspace = open_workspace(load_config('irn_cpal_voc_photos', options))
    irnet = workspace.stages['irnet'].network_config(workspace).model
    assert irnet.in_channels == (24, 24, 48, 120, 352)
    host = workspace.stages['cam'].network_config(workspace).model
    assert host.cam_head.in_channels == host.prototype_head.projection.in_channels == 320


def test_what_is_stated_stays():
    options = {'model.cam_head.in_channels': 7}
    assert load_config('irn_voc', options).model.cam_head.in_channels == 7


@pytest.mark.parametrize(
    ('name', 'options', 'message'),
    [
        (
            'irn_voc_mini',
            {'model.data_preprocessor.mean': [123.675, 116.28, 103.53]},
            r'mean is \[123\.675, .*EfficientNetLite0 was trained with \[127\.0, .*leave mean and',
        ),
        (
            'irn_voc',
            {'model.backbone.depth': 7},
            r'could not be asked for its channels .*invalid depth 7',
        ),
        ('irnet_voc', {'model.backbone.type': 'ResNet'}, 'reads a map that .* returns 4'),
    ],
)
def test_what_cannot_be_is_said(name, options, message):
    with pytest.raises(ValueError, match=message):
        load_config(name, options)


@pytest.mark.parametrize(
    ('config', 'name', 'message'),
    [
        ('irn_voc', 'dinov2', 'no backbone dinov2; did you mean dinov2_small'),
        ('mctformer_voc', 'resnet18', 'MCTformerHead needs one of its own'),
        ('clip_es_voc', 'resnet18', 'CLIPESHead needs one of its own'),
        ('deeplabv2_r101_voc', 'resnet18', 'it has no CAM head'),
    ],
)
def test_a_backbone_that_does_not_fit_is_refused(config, name, message):
    with pytest.raises(ValueError, match=message):
        load_config(config, backbone=name)


def test_the_commands_take_a_name(capsys):
    assert main(['run', 'irn_voc', '--backbone', 'no_such']) == 1
    assert 'there is no backbone no_such' in capsys.readouterr().err
    assert main(['train', 'mctformer_voc', '--backbone', 'resnet18']) == 1
    assert 'MCTformerHead needs one of its own' in capsys.readouterr().err


def test_a_part_of_a_config_says_no_more_than_its_names():
    """It is a second base, and two bases must not define the same name."""
    for name in shipped_backbones():
        part = Config.fromfile(ROOT / f'configs/_base_/backbones/{name}.py').to_dict()
        assert set(part) <= {'backbone', 'backbone_optim', 'layer_decay_optim'}, name
