"""A file fills a network whole or not at all, whichever way it comes in."""

import copy
import os

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader, load_checkpoint
from safetensors.torch import save_file
from torch import nn

from mmwsss.models.weights import describe, refuse_partial_load
from mmwsss.registry import MODELS

SIZES = {'embed_dims': 24, 'num_layers': 3, 'num_heads': 2, 'feedforward_channels': 40}
VIT = {
    'type': 'mmpretrain.VisionTransformer',
    'arch': SIZES,
    'img_size': 32,
    'patch_size': 8,
    'out_type': 'featmap',
}
RESNET = {'type': 'ResNet', 'depth': 18, 'base_channels': 4, 'stem_channels': 4}


@pytest.fixture(autouse=True)
def scope():
    import mmpretrain.models  # noqa: F401

    init_default_scope('mmseg')


def timm_vit(**options):
    timm = pytest.importorskip('timm')
    torch.manual_seed(0)
    sizes = {'embed_dim': 24, 'depth': 3, 'num_heads': 2, 'mlp_ratio': 40 / 24, 'num_classes': 7}
    vit = timm.models.VisionTransformer(32, 8, **{**sizes, **options})
    return randomize(vit)


def randomize(network):
    generator = torch.Generator().manual_seed(1)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.copy_(0.1 + torch.rand(value.shape, generator=generator))
    network.eval()  # mmpretrain's returns nothing
    return network


def initialised(config, path, **options):
    """Build, and initialise as a training does."""
    torch.manual_seed(3)
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(path), **options}
    network = MODELS.build({**copy.deepcopy(config), 'init_cfg': init_cfg})
    network.init_weights()
    network.eval()  # mmpretrain's returns nothing
    return network


def save(state, path):
    (save_file if path.suffix == '.safetensors' else torch.save)(state, path)
    return path


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize('prefix', [None, 'backbone.', 'backbone'])
@pytest.mark.parametrize('name', ['vit.pth', 'vit.safetensors'])
def test_a_vit_of_timm_computes_what_it_does_in_timm(tmp_path, prefix, name):
    theirs = timm_vit()
    ours = initialised(VIT, save(theirs.state_dict(), tmp_path / name), prefix=prefix)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = theirs.forward_features(images)[:, 1:]  # (B, L, D), after the last norm
        found = ours(images)[0].flatten(2).transpose(1, 2)
    close(found, expected)
    close(ours.ln1.weight, theirs.norm.weight)


def test_a_file_of_deit_is_timms_in_a_container(tmp_path):
    theirs = timm_vit()
    path = save({'model': theirs.state_dict()}, tmp_path / 'deit.pth')
    found = initialised(VIT, path, prefix='backbone.')
    assert found.layers[2].ffn.layers[1].weight.equal(theirs.blocks[2].mlp.fc2.weight)


@pytest.mark.parametrize('prefix', [None, 'backbone.'])
def test_a_classifier_of_mmpretrain(tmp_path, prefix):
    own = randomize(MODELS.build(copy.deepcopy(VIT)))
    state = {f'backbone.{name}': value for name, value in own.state_dict().items()}
    state['head.layers.head.weight'] = torch.zeros(7, 24)
    path = save({'state_dict': state}, tmp_path / 'vit.pth')
    found = initialised(VIT, path, prefix=prefix).state_dict()
    assert all(value.equal(found[name]) for name, value in own.state_dict().items())


def test_positions_of_another_size_are_resized(tmp_path):
    path = save(timm_vit().state_dict(), tmp_path / 'vit.pth')
    assert initialised({**VIT, 'img_size': 48}, path).pos_embed.shape == (1, 37, 24)


def test_class_tokens_begin_as_the_single_one_of_timm(tmp_path):
    theirs = timm_vit()
    config = {'type': 'mmwsss.ClassTokenViT', 'num_classes': 4, 'img_size': 32, 'patch_size': 8}
    path = save(theirs.state_dict(), tmp_path / 'vit.pth')
    ours = initialised({**config, 'arch': SIZES}, path, prefix='backbone.')
    assert all(ours.cls_token[0, index].equal(theirs.cls_token[0, 0]) for index in range(4))
    assert ours.pos_embed[0, 4:].equal(theirs.pos_embed[0, 1:])
    assert ours.layers[1].ln2.bias.equal(theirs.blocks[1].norm2.bias)


def without(state, part):
    return {name: value for name, value in state.items() if part not in name}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda state: {f'vit.{name}': value for name, value in state.items()},
            r'leaves 42 of 42 tensors .*initialised, cls_token, .* does not know, with names such',
        ),
        (lambda state: without(state, 'blocks.1.'), r'leaves 12 of 42 tensors .*, layers\.1\.ln1'),
        (
            lambda state: without(state, 'norm.weight'),
            r'leaves 1 of 42 .*initialised, ln1\.weight;',
        ),
        (lambda state: without(state, 'cls_token'), r'leaves 1 of 42 .*initialised, cls_token;'),
        (
            lambda state: state | {'norm.bias': torch.zeros(7)},
            r'ln1\.bias is \(7\) in this file and \(24\) in the network, with 0 more',
        ),
        (
            lambda state: state | {'dist_token': torch.zeros(1, 1, 24)},
            r'distilled DeiT has a token more',
        ),
        (
            lambda state: state | {'blocks.0.ls1.gamma': torch.zeros(24)},
            r'larger network, with 1 tensors that this one lacks, layers\.0\.ls1\.gamma; .*ViT',
        ),
    ],
)
@pytest.mark.parametrize('prefix', [None, 'backbone.'])
def test_a_vit_that_is_not_filled_is_refused(tmp_path, change, message, prefix):
    path = save(change(timm_vit().state_dict()), tmp_path / 'vit.pth')
    with pytest.raises(ValueError, match=rf'vit\.pth: .*{message}'):
        initialised(VIT, path, prefix=prefix)


@pytest.mark.parametrize('depth', [2, 4])
def test_a_vit_of_another_depth_is_refused(tmp_path, depth):
    path = save(timm_vit(depth=depth).state_dict(), tmp_path / 'vit.pth')
    with pytest.raises(ValueError, match=rf'names of timm|mmpretrain.*of {depth} blocks'):
        initialised(VIT, path)


@pytest.mark.parametrize(
    ('kind', 'options'),
    [
        ('ResNet', {}),
        ('mmwsss.ResNetCeilPool', {}),
        ('mmwsss.ResNetWithStem', {}),
    ],
)
def test_resnets(tmp_path, kind, options):
    config = {**RESNET, 'type': kind}
    state = randomize(MODELS.build(dict(config))).state_dict()
    path = save(state | {'fc.weight': torch.zeros(2, 32)}, tmp_path / 'a.pth')
    found = initialised(config, path).state_dict()
    assert all(value.equal(found[name]) for name, value in state.items())
    counters = {name: v for name, v in state.items() if not name.endswith('num_batches_tracked')}
    initialised(config, save(counters, tmp_path / 'old.pth'))
    path = save(without(state, 'layer3.1.bn2'), tmp_path / 'b.pth')
    with pytest.raises(
        ValueError, match=r'b\.pth: .*leaves 4 of 100 .*layer3\.1\.bn2\.weight, .*Res'
    ):
        initialised(config, path)


def test_a_deeper_resnet_would_fill_every_tensor_and_is_refused(tmp_path):
    deeper = {**RESNET, 'depth': 34}
    path = save(MODELS.build(dict(deeper)).state_dict(), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'larger network, .*layer1\.2\.conv1\.weight'):
        initialised(RESNET, path)


BACKBONES = {
    'class_token_vit': {
        'type': 'mmwsss.ClassTokenViT',
        'num_classes': 4,
        'arch': SIZES,
        'img_size': 32,
        'patch_size': 8,
    },
    'hybrid': {
        'type': 'mmwsss.ClassTokenViT',
        'num_classes': 4,
        'arch': SIZES,
        'img_size': 32,
        'patch_cfg': {'conv_type': 'mmwsss.EfficientNetLite0Patches'},
    },
    'efficientnet_lite': {'type': 'mmwsss.EfficientNetLite0', 'pretrained': False},
}


@pytest.mark.parametrize('name', BACKBONES)
def test_every_backbone_of_ours_refuses_what_does_not_fill_it(tmp_path, name):
    config = BACKBONES[name]
    own = randomize(MODELS.build(copy.deepcopy(config)))
    state = own.state_dict()
    found = initialised(config, save(state, tmp_path / 'a.pth'))
    assert all(value.equal(found.state_dict()[key]) for key, value in state.items())
    last = list(state)[-1]
    path = save(without(state, last), tmp_path / 'b.pth')
    for load in (
        lambda: initialised(config, path),
        lambda: load_checkpoint(own, str(path)),
        lambda: own.load_state_dict(torch.load(path), strict=False),
    ):
        with pytest.raises(ValueError, match=rf'leaves 1 of {len(state)} .*{last}'):
            load()


GUARDED = {
    **BACKBONES,
    'ceil_pool': {**RESNET, 'type': 'mmwsss.ResNetCeilPool'},
    'with_stem': {**RESNET, 'type': 'mmwsss.ResNetWithStem'},
    'resnet38': {'type': 'mmwsss.ResNet38'},
}


@pytest.mark.parametrize('prefix', [None, 'backbone.'])
@pytest.mark.parametrize('name', ['resnet', *GUARDED])
def test_a_part_may_be_filled_on_purpose(tmp_path, name, prefix):
    config = GUARDED.get(name, RESNET)
    own = MODELS.build(copy.deepcopy(config)).state_dict()
    key = next(key for key, value in own.items() if value.is_floating_point())
    state = {f'{prefix or ""}{key}': torch.full_like(own[key], 0.5)}
    path = save(state, tmp_path / 'a.pth')
    found = initialised(config, path, whole=False, prefix=prefix)
    assert found.state_dict()[key].eq(0.5).all()
    if name != 'resnet':  # the guards are back
        with pytest.raises(ValueError, match=r'this file leaves '):
            found.load_state_dict({key: own[key]}, strict=False)


def test_a_file_of_a_whole_network_fills_one(tmp_path):
    own = randomize(network()).state_dict()
    path = save({'state_dict': own}, tmp_path / 'full.pth')
    other = network(init_cfg={'type': 'Pretrained', 'checkpoint': str(path)})
    other.init_weights()
    assert all(value.equal(other.state_dict()[name]) for name, value in own.items())


class Malicious:
    """Makes a directory where it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize(
    ('url', 'name'),
    [
        ('https://nobody.invalid/a/evil.pth?x=1', 'evil.pth'),
        ('http://nobody.invalid/evil.pth', 'evil.pth'),
        ('torchvision://resnet18', None),
        ('open-mmlab://resnet50_caffe', None),
        ('mmcls://vgg11', None),
    ],
)
def test_what_a_url_gives_is_not_run(tmp_path, monkeypatch, url, name):
    """The file is in the cache of torch's hub already: nothing is fetched."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'home'))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)
    asked = []

    def write_evil(url, target, *args, **kwargs):
        asked.append(url)
        torch.save({'weight': Malicious(tmp_path / 'was_run')}, target)

    monkeypatch.setattr(torch.hub, 'download_url_to_file', write_evil)
    if name is not None:
        (tmp_path / 'home/hub/checkpoints').mkdir(parents=True)
        write_evil(url, tmp_path / 'home/hub/checkpoints' / name)
        asked.clear()
    for load in (
        lambda: initialised(RESNET, url),
        lambda: initialised(RESNET, url, whole=False),
        lambda: load_checkpoint(MODELS.build(dict(RESNET)), url),
    ):
        with pytest.raises(ValueError, match=r'holds more than tensors, an object .*mkdir'):
            load()
    assert not (tmp_path / 'was_run').exists()
    assert len(asked) == (name is None)  # and no second time


def test_a_sound_file_of_a_url_fills_the_network(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path))
    (tmp_path / 'checkpoints').mkdir()
    own = randomize(MODELS.build(dict(RESNET))).state_dict()
    save(own, tmp_path / 'checkpoints/a.pth')
    found = initialised(RESNET, 'https://nobody.invalid/a.pth').state_dict()
    assert all(value.equal(found[name]) for name, value in own.items())


def test_weights_that_are_not_there(tmp_path, monkeypatch):
    with pytest.raises(
        FileNotFoundError, match=r'a\.pth are not there: set model\.backbone\.init_cfg'
    ):
        initialised(RESNET, tmp_path / 'a.pth')

    def no_network(*args, **kwargs):
        raise OSError('no network')

    monkeypatch.setitem(CheckpointLoader._schemes, 'https://', no_network)
    no_network.__name__ = 'load_from_http'
    with pytest.raises(
        ConnectionError, match=r'https://a/b\.pth could not be fetched \(no network'
    ):
        initialised(RESNET, 'https://a/b.pth')


def network(**options):
    """A host on the smallest ResNet, with a plug-in if asked for."""
    return MODELS.build(
        {
            'type': 'mmwsss.CAMSegmentor',
            'backbone': dict(RESNET),
            'cam_head': {'type': 'mmwsss.LinearCAMHead', 'in_channels': 32, 'num_classes': 3},
            **options,
        }
    )


PLUG_IN = {
    'type': 'mmwsss.PrototypeAwareCAMHead',
    'num_classes': 3,
    'projection': {'type': 'mmwsss.IdentityProjection', 'in_channels': 32},
}


def load_both_ways(model, state, tmp_path):
    path = save(state, tmp_path / 'a.pth')
    yield lambda: load_checkpoint(model, str(path))
    yield lambda: model.load_state_dict(state, strict=False)


def test_a_host_may_get_a_plug_in_and_lose_it(tmp_path):
    host, both = network(), network(prototype_head=PLUG_IN)
    for load in load_both_ways(both, host.state_dict(), tmp_path):
        load()
    for load in load_both_ways(host, both.state_dict(), tmp_path):
        load()


def test_a_plug_ins_checkpoint_may_say_seen_in_the_place_of_updates(tmp_path):
    both = network(prototype_head=PLUG_IN)
    state = {
        name.replace('.updates', '.seen'): value > 0 if name.endswith('.updates') else value
        for name, value in both.state_dict().items()
    }
    for load in load_both_ways(both, state, tmp_path):
        load()
        assert not both.prototype_head.instance_mean.updates.any()


def test_half_a_plug_in_is_refused(tmp_path):
    both = network(prototype_head=PLUG_IN)
    state = without(both.state_dict(), 'bank.cursor')
    for load in load_both_ways(both, state, tmp_path):
        with pytest.raises(ValueError, match=r'leaves 1 of \d+ .*prototype_head\.bank\.cursor;'):
            load()


def test_a_segmentors_checkpoint_is_no_hosts(tmp_path):
    host = network()
    state = without(host.state_dict(), 'cam_head')
    state['decode_head.conv_seg.weight'] = torch.zeros(3, 32, 1, 1)
    for load in load_both_ways(host, state, tmp_path):
        with pytest.raises(
            ValueError, match=r"cam_head\.classifier\.weight; .*a segmentor's check"
        ):
            load()


def test_a_deeper_host_is_refused(tmp_path):
    deeper = network(backbone={**RESNET, 'depth': 34})
    for load in load_both_ways(network(), deeper.state_dict(), tmp_path):
        with pytest.raises(
            ValueError, match=r'larger network, .*backbone\.layer1\.2\.conv1\.weight'
        ):
            load()


def test_a_guarded_network_can_be_copied():
    model = nn.Sequential(nn.Linear(2, 2))
    refuse_partial_load(model)
    other = copy.deepcopy(model)
    with pytest.raises(ValueError, match=r'leaves 1 of 2 .*0\.bias; it seems to be'):
        other.load_state_dict({'0.weight': torch.zeros(2, 2)}, strict=False)
    nn.Sequential(other).load_state_dict(
        {f'0.{name}': value for name, value in model.state_dict().items()}
    )


@pytest.mark.parametrize(
    ('names', 'kind'),
    [
        (['edge_branch.a', 'backbone.conv1.weight'], 'IRNet'),
        (['backbone.layers.0.ln1.weight', 'cam_head.a'], 'classification networks'),
        (['backbone.layer1.0.conv1.weight', 'decode_head.a'], "segmentor's"),
        (['resnet50.conv1.weight', 'stage1.0.weight'], 'IRN or AMN'),
        (['base.layer1.conv1.conv.weight'], 'Caffe'),
        (['visual.conv1.weight', 'token_embedding.weight'], 'CLIP'),
        (['layer1.0.conv1.weight', 'fc.weight'], 'ResNet of'),
        (['conv1a.weight'], 'ResNet38'),
        ([], 'empty'),
    ],
)
def test_what_a_file_seems_to_be(names, kind):
    assert kind in describe(names)
