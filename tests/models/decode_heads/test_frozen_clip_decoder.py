import copy
import math

import pytest
import torch
import torch.nn.functional as F
from clip_models import SMALL
from mmengine.runner import load_checkpoint
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmwsss.functional.rsc import present_in_crop
from mmwsss.registry import MODELS

CLASSES, NAMES, DIMS = 3, 2, 8
WIDTHS = (5, 5, 6)
KEY = 'cam_head.prototypes.vectors'
CROSS_ENTROPY = {'type': 'mmwsss.BalancedCrossEntropyLoss'}


def vectors(seed=3, rows=CLASSES + NAMES, dims=DIMS):
    return torch.randn(rows, dims, generator=torch.Generator().manual_seed(seed))


def make_head(filled=True, **options):
    torch.manual_seed(0)
    config = {
        'type': 'mmwsss.FrozenCLIPDecoder',
        'in_channels': WIDTHS,
        'num_classes': CLASSES + 1,
        'embed_dims': DIMS,
        'channels': 4,
        'num_layers': 2,
        'num_heads': 2,
        'dropout_ratio': 0.0,
        'loss_decode': CROSS_ENTROPY,
        'rsc': {'type': 'mmwsss.RSCLoss'},
    }
    head = MODELS.build(config | options)
    if filled:
        head.set_prototypes(vectors())
    return head


def tokens(images=2, size=(3, 4)):
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(images, width, *size, generator=generator) for width in WIDTHS)


def samples(labelled=True):
    """Image 0 shows classes 0 and 2; 1 shows class 1, its mask says 2 as well, its label 0."""
    masks = torch.zeros(2, 24, 32, dtype=torch.long)
    masks[0, :8, :8], masks[0, 8:, 8:] = 1, 3
    masks[1, :12], masks[1, 20:], masks[1, :, 30:] = 2, 3, 255
    labels = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    out = []
    for index in range(2):
        sample = SegDataSample(metainfo={'img_path': f'{index}.jpg'})
        sample.gt_sem_seg = PixelData(data=masks[index][None])
        if labelled:
            sample.gt_label = LabelData(multi_hot=labels[index])
        out.append(sample)
    return out


def write(path, prototypes=None):
    state = {KEY: vectors() if prototypes is None else prototypes, 'other': torch.zeros(1)}
    torch.save({'state_dict': state}, path)
    return {'checkpoint': str(path), 'key': KEY}


# --- forward ----------------------------------------------------------------------------------


def naive_norm(x, norm):
    mean, variance = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
    return (x - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias


def naive_layer(x, layer):
    """A pre-norm transformer layer on the tokens ``(L, D)`` of one image."""
    heads = layer.self_attn.num_heads
    normed = naive_norm(x, layer.norm1)
    projected = normed @ layer.self_attn.in_proj_weight.T + layer.self_attn.in_proj_bias
    parts = []
    for head in range(heads):
        q, k, v = (part.chunk(heads, 1)[head] for part in projected.chunk(3, 1))
        scores = q @ k.T / math.sqrt(q.shape[1])
        parts.append(scores.softmax(1) @ v)
    mixed = torch.cat(parts, 1) @ layer.self_attn.out_proj.weight.T
    x = x + mixed + layer.self_attn.out_proj.bias
    hidden = naive_norm(x, layer.norm2) @ layer.linear1.weight.T + layer.linear1.bias
    hidden = 0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2)))
    return x + hidden @ layer.linear2.weight.T + layer.linear2.bias


def naive_embed(head, maps, image):
    narrow = []
    for one, block in zip(maps, head.blocks, strict=True):
        x = one[image].flatten(1).T  # (L, C)
        hidden = x @ block[0].weight[:, :, 0, 0].T + block[0].bias
        hidden = 0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2)))
        narrow.append(hidden @ block[2].weight[:, :, 0, 0].T + block[2].bias)
    x = torch.cat(narrow, 1) @ head.fuse.weight[:, :, 0, 0].T + head.fuse.bias
    for layer in head.layers:
        x = naive_layer(x, layer)
    return x  # (L, D)


@pytest.mark.parametrize('mode', ['train', 'eval'])
@pytest.mark.parametrize('size', [(3, 4), (1, 1)])
def test_scores_by_plain_torch(size, mode):
    head, maps = make_head().double(), tuple(one.double() for one in tokens(size=size))
    head.train(mode == 'train')
    with torch.no_grad():
        embedding, scores = head.embed(maps), head(maps)
        for image in range(2):
            expected = naive_embed(head, maps, image)
            torch.testing.assert_close(embedding[image].flatten(1).T, expected)
            cosine = F.normalize(expected, dim=1) @ F.normalize(vectors().double(), dim=1).T
            background = cosine[:, CLASSES:].max(1, keepdim=True).values
            logits = torch.cat([background, cosine[:, :CLASSES]], 1) / 0.07
            torch.testing.assert_close(scores[image].flatten(1).T, logits, rtol=1e-6, atol=1e-6)
    assert scores.shape == (2, CLASSES + 1, *size)
    assert embedding.shape == (2, DIMS, *size)


LINEAR = {'classifier': 'linear', 'rsc': None}


def test_a_linear_classifier_takes_the_place_of_the_prototypes():
    head, maps = make_head(False, **LINEAR).double(), tuple(one.double() for one in tokens())
    with torch.no_grad():
        scores = head(maps)
        for image in range(2):
            embedding = naive_embed(head, maps, image)
            expected = embedding @ head.classifier.weight[:, :, 0, 0].T + head.classifier.bias
            torch.testing.assert_close(scores[image].flatten(1).T, expected)
    sum(head.loss(maps, samples(False), None).values()).backward()
    assert all(parameter.grad.any() for parameter in head.parameters())


@pytest.mark.parametrize(
    'more', [{'rsc': {'type': 'mmwsss.RSCLoss'}}, {'prototypes': {'checkpoint': 'a.pth'}}]
)
def test_a_linear_classifier_has_no_prototypes(more):
    with pytest.raises(ValueError, match="classifier='linear' has no prototypes: set"):
        make_head(False, **(LINEAR | more))


def test_layers_begin_with_weights_of_their_own():
    head = make_head()
    assert not head.layers[0].linear1.weight.equal(head.layers[1].linear1.weight)
    assert all(layer.norm_first for layer in head.layers)


def test_the_defaults_are_those_of_the_paper_and_of_ours():
    head = make_head(False, in_channels=[768] * 11, embed_dims=512, channels=256, num_layers=3,
                     num_heads=8, dropout_ratio=0.1)  # fmt: skip
    defaults = MODELS.build(
        {'type': 'mmwsss.FrozenCLIPDecoder', 'in_channels': [768] * 11, 'num_classes': 4}
    )
    shapes = [{name: p.shape for name, p in one.named_parameters()} for one in (head, defaults)]
    assert shapes[0] == shapes[1]
    assert defaults.temperature == 0.07
    assert defaults.layers[0].dropout.p == 0.1
    assert len(defaults.blocks) == 11
    assert len(defaults.layers) == 3


# --- loss -------------------------------------------------------------------------------------


def test_the_loss_is_cross_entropy_and_contrast():
    head, maps = make_head(), tokens()
    losses = head.loss(maps, samples(), train_cfg=None)
    assert set(losses) == {'loss_balanced_ce', 'loss_rsc', 'acc_seg'}
    embedding = head.embed(maps)
    scores = head.score(embedding)
    logits = F.interpolate(scores, (24, 32), mode='bilinear', align_corners=False)
    target = torch.cat([sample.gt_sem_seg.data for sample in samples()])
    torch.testing.assert_close(
        losses['loss_balanced_ce'], MODELS.build(CROSS_ENTROPY)(logits, target)
    )
    present = torch.tensor([[True, False, True], [False, True, False]])
    labels = torch.stack([sample.gt_label.multi_hot for sample in samples()])
    assert present_in_crop(labels, target).equal(present)
    absent = torch.tensor([[False] * 3, [False, False, True]])  # of the image labels alone
    expected = head.rsc(
        embedding, scores, vectors()[:CLASSES], present, torch.ones(2, 1, 3, 4), absent
    )
    assert losses['loss_rsc'] > 0
    torch.testing.assert_close(losses['loss_rsc'], expected)


def test_padding_takes_no_part_in_the_contrast():
    head, maps, batch = make_head(), tokens(), samples()
    whole = head.loss(maps, batch, None)
    for sample in batch:
        valid = torch.ones(1, 24, 32, dtype=torch.uint8)
        valid[..., 16:] = 0
        sample.valid_mask = PixelData(data=valid)
    half = head.loss(maps, batch, None)
    assert half['loss_balanced_ce'] == whole['loss_balanced_ce']
    assert half['loss_rsc'] != whole['loss_rsc']
    embedding = head.embed(maps)
    scores, valid = head.score(embedding), torch.ones(2, 1, 3, 4)
    valid[..., 2:] = 0
    present = torch.tensor([[True, False, True], [False, True, False]])
    absent = torch.tensor([[False] * 3, [False, False, True]])
    expected = head.rsc(embedding, scores, vectors()[:CLASSES], present, valid, absent)
    torch.testing.assert_close(half['loss_rsc'], expected)


def test_every_parameter_learns_and_the_prototypes_do_not():
    head = make_head().train()
    before = head.prototypes
    losses = head.loss(tokens(), samples(), None)
    (losses['loss_balanced_ce'] + losses['loss_rsc']).backward()
    assert all(parameter.grad is not None for parameter in head.parameters())
    names = {name for name, _ in head.named_parameters()}
    assert not [name for name in names if 'prototypes' in name]
    assert head.prototypes.equal(before)


def test_without_rsc_no_image_label_is_needed():
    head = make_head(rsc=None)
    losses = head.loss(tokens(), samples(labelled=False), None)
    assert set(losses) == {'loss_balanced_ce', 'acc_seg'}
    with pytest.raises(ValueError, match=r'image 0\.jpg carries no image label for rsc: take'):
        make_head().loss(tokens(), samples(labelled=False), None)


def test_labels_of_another_data_set_are_refused():
    batch = samples()
    for sample in batch:
        sample.gt_label = LabelData(multi_hot=torch.ones(5))
    with pytest.raises(ValueError, match='5 foreground classes and the decode_head 3: set num_cl'):
        make_head().loss(tokens(), batch, None)


def test_two_losses_of_one_name_are_refused():
    with pytest.raises(ValueError, match="both named 'loss_x': set another loss_name"):
        make_head(
            loss_decode=[CROSS_ENTROPY | {'loss_name': 'loss_x'}],
            rsc={'type': 'mmwsss.RSCLoss', 'loss_name': 'loss_x'},
        )


def test_finite_and_exact_scores_under_autocast():
    head = make_head()
    with torch.autocast('cpu', torch.bfloat16):
        embedding = head.embed(tokens())
        losses = head.loss(tokens(), samples(), None)
    assert embedding.dtype == torch.bfloat16
    total = losses['loss_balanced_ce'] + losses['loss_rsc']
    total.backward()
    assert total.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())
    with torch.autocast('cpu', torch.bfloat16):
        scores = head.score(embedding)
    assert scores.equal(head.score(embedding.float()))


# --- prototypes -------------------------------------------------------------------------------


def test_prototypes_are_read_when_the_weights_begin(tmp_path):
    source = write(tmp_path / 'phase1.pth')
    head = make_head(False, prototypes=source)
    assert len(head.prototypes) == CLASSES  # not yet: a test does not need the file
    head.init_weights()
    assert head.prototypes.equal(vectors())
    assert head.class_prototypes.equal(vectors()[:CLASSES])
    head = make_head(False, prototypes={'checkpoint': source['checkpoint']})  # key by default
    head.init_weights()
    assert head.prototypes.equal(vectors())


def test_a_bare_state_dict_serves_too(tmp_path):
    torch.save({'W': vectors()}, tmp_path / 'w.pth')
    head = make_head(False, prototypes={'checkpoint': str(tmp_path / 'w.pth'), 'key': 'W'})
    head.init_weights()
    assert head.prototypes.equal(vectors())


def test_the_size_of_the_embedding_may_come_from_the_file(tmp_path):
    source = write(tmp_path / 'phase1.pth', vectors(dims=12))
    head = make_head(False, embed_dims=None, prototypes=source)
    head.init_weights()
    assert head.embed(tokens()).shape[1] == 12
    with pytest.raises(ValueError, match=r'embed_dims=None needs model\.decode_head\.prototypes'):
        make_head(False, embed_dims=None)


def test_a_checkpoint_brings_the_prototypes(tmp_path):
    """With any number of background names, through torch and through mmengine."""
    trained = make_head(False)
    trained.set_prototypes(vectors(rows=CLASSES + 7))
    state = trained.state_dict()
    assert {'class_prototypes', 'background_prototypes'} <= set(state)
    head = make_head(False)
    head.load_state_dict(state)
    assert head.prototypes.equal(trained.prototypes)
    segmentor = nn.Module()
    segmentor.decode_head = make_head(False)
    torch.save({f'decode_head.{name}': value for name, value in state.items()}, tmp_path / 'a.pth')
    load_checkpoint(segmentor, str(tmp_path / 'a.pth'), strict=True)
    assert segmentor.decode_head.prototypes.equal(trained.prototypes)
    assert segmentor.decode_head(tokens()).equal(trained(tokens()))


def test_without_prototypes_key_and_cure_are_named():
    message = (
        r'the decoder has no prototypes: set model\.decode_head\.prototypes=dict\(checkpoint='
        r".*key='cam_head\.prototypes\.vectors'\).*or load a checkpoint"
    )
    with pytest.raises(ValueError, match=message):
        make_head(False)(tokens())
    with pytest.raises(ValueError, match=message):
        make_head(False).loss(tokens(), samples(), None)


def test_a_missing_file_or_key_is_named(tmp_path):
    head = make_head(False, prototypes={'checkpoint': str(tmp_path / 'no.pth'), 'key': KEY})
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*no\.pth: run VPL's first phase"):
        head.init_weights()
    source = write(tmp_path / 'phase1.pth')
    head = make_head(False, prototypes=source | {'key': 'vectors'})
    message = r"phase1\.pth has no 'vectors': set model\.decode_head\.prototypes\.key .*cam_head"
    with pytest.raises(ValueError, match=message):
        head.init_weights()


@pytest.mark.parametrize(('rows', 'dims'), [(CLASSES, DIMS), (CLASSES + 2, DIMS + 1)])
def test_prototypes_that_do_not_fit_are_refused(rows, dims):
    with pytest.raises(ValueError, match='3 classes and at least one background name of 8 chann'):
        make_head().set_prototypes(vectors(rows=rows, dims=dims))


def test_prototypes_that_were_never_computed_are_refused():
    prototypes = vectors()
    prototypes[1] = 0
    with pytest.raises(ValueError, match='some prototypes are zero: the first phase did not fin'):
        make_head().set_prototypes(prototypes)


def test_heads_that_do_not_divide_the_embedding_are_refused():
    with pytest.raises(ValueError, match='embed_dims=8 cannot be shared by num_heads=3'):
        make_head(num_heads=3)


def test_a_checkpoint_of_another_data_set_is_refused():
    other = make_head(False, num_classes=CLASSES + 2)
    other.set_prototypes(vectors(rows=CLASSES + 4))
    with pytest.raises(ValueError, match='4 classes and the model 3'):
        make_head(False).load_state_dict(other.state_dict())
    wide = make_head(False, embed_dims=12)
    wide.set_prototypes(vectors(dims=12))
    with pytest.raises(ValueError, match=r'12 channels and the model 8: set model\.decode_head'):
        make_head(False).load_state_dict(wide.state_dict())


# --- with CLIP --------------------------------------------------------------------------------


@pytest.mark.parametrize('amp', [False, True])
def test_a_segmentor_on_a_small_clip_learns_its_decoder_alone(amp):
    pytest.importorskip('open_clip')
    backbone = {
        'type': 'mmwsss.FrozenCLIP',
        'model_name': SMALL,
        'pretrained': None,
        'out_indices': (0, 1, 2),
    }
    head = {
        'type': 'mmwsss.FrozenCLIPDecoder',
        'in_channels': [64] * 3,
        'num_classes': CLASSES + 1,
        'embed_dims': 16,
        'channels': 16,
        'num_heads': 2,
        'dropout_ratio': 0.0,
        'loss_decode': CROSS_ENTROPY,
        'rsc': {'type': 'mmwsss.RSCLoss'},
    }
    torch.manual_seed(0)
    model = MODELS.build({'type': 'EncoderDecoder', 'backbone': backbone, 'decode_head': head})
    model.decode_head.set_prototypes(vectors(dims=16))
    model.train()
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    images, seen = torch.randn(2, 3, 24, 32), []
    for _ in range(30):
        with torch.autocast('cpu', torch.bfloat16, enabled=amp):
            losses = model(images, samples(), mode='loss')
        total, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        seen.append((float(losses['decode.loss_balanced_ce']), float(losses['decode.loss_rsc'])))
    assert seen[-1][0] < 0.5 * seen[0][0]
    assert seen[-1][1] < seen[0][1]
    for name, value in model.state_dict().items():
        learns = name.startswith('decode_head.') and 'prototypes' not in name
        assert value.equal(before[name]) is not learns, name


def test_a_single_loss_of_the_same_name_is_refused_too():
    with pytest.raises(ValueError, match="both named 'loss_x': set another loss_name"):
        make_head(
            loss_decode=CROSS_ENTROPY | {'loss_name': 'loss_x'},
            rsc={'type': 'mmwsss.RSCLoss', 'loss_name': 'loss_x'},
        )


def test_prototypes_are_copies_in_the_heads_own_numbers():
    head, given = make_head(False), vectors().double()
    head.set_prototypes(given)
    assert head.prototypes.dtype == torch.float32
    given.zero_()
    assert head.prototypes.equal(vectors())
    one = vectors(rows=CLASSES + 1)
    head.set_prototypes(one)  # one background name is enough
    assert head.background_prototypes.equal(one[CLASSES:])
    with pytest.raises(ValueError, match='have shape'):
        head.set_prototypes(vectors()[0])


def test_a_temperature_and_a_dropout_of_the_config():
    cool, warm = make_head().eval(), make_head(temperature=0.14).eval()
    torch.testing.assert_close(warm(tokens()), cool(tokens()) / 2)
    dropping = make_head(dropout_ratio=0.5)
    assert not dropping(tokens()).equal(dropping(tokens()))
    learning = make_head()
    assert learning(tokens()).equal(learning(tokens()))  # mmseg's own dropout is off
    assert [layer.linear1.out_features for layer in learning.layers] == [4 * DIMS] * 2
