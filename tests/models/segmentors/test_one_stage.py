"""What a step of a one-stage network learns from, and what learns."""

import copy

import pytest
import torch
from clip_models import SMALL, TEXT
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample

from mmwsss.functional.clip_es import normalize_cam
from mmwsss.functional.one_stage import decoder_affinity, online_mask
from mmwsss.models.losses import PairAffinityLoss
from mmwsss.models.segmentors import CRFSegTTAModel
from mmwsss.registry import MODELS

pytest.importorskip('open_clip')
SIZE, GRID, VOID = (32, 48), (4, 6), 255
LABELS = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 0]])
BALANCED = {'type': 'mmwsss.BalancedCrossEntropyLoss'}
CPAL = {
    'type': 'mmwsss.PrototypeAwareCAMHead',
    'num_classes': 4,
    'projection': {'type': 'mmwsss.IdentityProjection', 'in_channels': 8},
    'bank': {'length': 4, 'num_prototypes': 2},
    'stop_grad': 'cam',
}


def build(decoder=None, **options):
    torch.manual_seed(0)
    config = {
        'type': 'mmwsss.OneStageSegmentor',
        'backbone': {
            'type': 'mmwsss.OneStageCLIP',
            'model_name': SMALL,
            'pretrained': None,
            'num_attention_blocks': 3,
            'num_refining_blocks': 3,
            'out_indices': (0, 2),
        },
        'cam_head': {
            'type': 'mmwsss.OneStageCLIPHead',
            'num_classes': 4,
            'embed_dims': 16,
            'text': TEXT,
        },
        'decode_head': {
            'type': 'mmwsss.FrozenCLIPDecoder',
            'in_channels': [64, 64],
            'num_classes': 5,
            'embed_dims': 8,
            'channels': 4,
            'num_layers': 1,
            'num_heads': 2,
            'dropout_ratio': 0.0,
            'classifier': 'linear',
            'align_corners': False,
            'loss_decode': BALANCED,
            **(decoder or {}),
        },
        'affinity_loss': {'type': 'mmwsss.PairAffinityLoss', 'loss_weight': 0.5, 'radius': 2},
        'masks': {'iterations': 2},
        **options,
    }
    model = MODELS.build(config)
    model.cam_head.text.set_vectors(torch.randn(6, 16))
    return model.train()


def batch(padded=False):
    """Two images; the right third of the second is padding, if asked for."""
    inputs = torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    samples = []
    for index, label in enumerate(LABELS):
        sample = SegDataSample(metainfo={'img_path': f'{index}.jpg'})
        sample.gt_label = LabelData(multi_hot=label.clone())  # tests change it
        valid = torch.ones(1, *SIZE, dtype=torch.uint8)
        if padded and index:
            valid[:, :, 32:] = 0
            inputs[index, :, :, 32:] = 0
        sample.valid_mask = PixelData(data=valid)
        samples.append(sample)
    return inputs, samples


def naive_masks(model, inputs, samples):
    """From the network as it is now, image by image."""
    output = model.compute_cam(inputs, samples)
    found = []
    for index, (image, label) in enumerate(zip(inputs, LABELS, strict=True)):
        classes = [n for n in range(4) if label[n]]
        maps = torch.stack([normalize_cam(output.raw[index, n]) for n in classes])
        numbers = torch.tensor([0, *(n + 1 for n in classes)])
        found.append(numbers[online_mask(image, maps, iterations=2)])
    return torch.stack(found)


def seen_masks(model, data):
    """The masks that the decoder is handed in a step."""
    handed = []
    head = model.decode_head
    keep = head.loss_by_feat
    head.loss_by_feat = lambda scores, samples: (
        handed.append(torch.cat([s.gt_sem_seg.data for s in samples])) or keep(scores, samples)
    )
    losses = model.loss(*data)
    del head.loss_by_feat
    return handed[0], losses


@pytest.mark.parametrize('refining', [False, True])
def test_a_step_learns_from_masks_of_the_cams_of_that_very_step(refining):
    model, data = build(), batch()
    model.refining.fill_(refining)
    optimizer = torch.optim.SGD(model.decode_head.parameters(), lr=20.0)
    before = None
    for _ in range(2):
        expected = naive_masks(model, *data)
        masks, losses = seen_masks(model, data)
        assert masks.equal(expected)
        assert len(masks.unique()) > 1
        optimizer.zero_grad()
        model.parse_losses(losses)[0].backward()
        optimizer.step()
        raw = model.compute_cam(*data).raw
        if before is not None:  # what the decoder has learnt is in the CAMs, or is not
            assert torch.equal(before, raw) is not refining
        before = raw


def test_the_losses_are_those_of_the_masks():
    model, data = build(), batch()
    masks, losses = seen_masks(model, data)
    assert losses.keys() == {'decode.loss_balanced_ce', 'decode.acc_seg', 'loss_affinity'}
    maps = model.backbone(data[0]).maps
    fused = model.decode_head.fuse_blocks(maps)
    scores = model.decode_head.classifier(model.decode_head.mix(fused))
    full = torch.nn.functional.interpolate(scores, SIZE, mode='bilinear', align_corners=False)
    entropy = torch.nn.functional.cross_entropy(full, masks, reduction='none')
    parts = [entropy[masks == 0].mean(), entropy[masks != 0].mean()]
    torch.testing.assert_close(losses['decode.loss_balanced_ce'], sum(parts) / 2)
    affinity = PairAffinityLoss(0.5, 2)(decoder_affinity(fused), masks, GRID)
    torch.testing.assert_close(losses['loss_affinity'], affinity)


def test_the_decoder_alone_learns():
    model, data = build(), batch()
    model.refining.fill_(True)
    frozen = copy.deepcopy(model.backbone.state_dict())
    model.parse_losses(model.loss(*data))[0].backward()
    learning = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learning == {n for n, _ in model.named_parameters() if n.startswith('decode_head.')}
    for name, value in model.backbone.state_dict().items():
        assert value.equal(frozen[name])
    only = build(affinity_loss=None)
    assert 'loss_affinity' not in only.loss(*data)


def test_what_each_loss_teaches_and_what_is_only_looked_at():
    """The affinity teaches what is fused; the guide of the attention is no way for a gradient."""
    model, data = build(prototype_head=CPAL), batch()
    model.refining.fill_(True)
    model.loss(*data)
    model.prototype_head.update_context_prototypes(0)
    head = model.decode_head

    def taught(name):
        model.zero_grad()
        model.loss(*data)[name].backward()
        parts = {'blocks': head.blocks[0], 'fuse': head.fuse, 'layers': head.layers}
        parts['classifier'] = head.classifier
        grads = {k: [p.grad for p in part.parameters()] for k, part in parts.items()}
        return {k for k, g in grads.items() if any(v is not None and v.any() for v in g)}

    assert taught('loss_affinity') == {'blocks', 'fuse'}
    assert taught('decode.loss_balanced_ce') == {'blocks', 'fuse', 'layers', 'classifier'}
    assert taught('loss_self') == {'blocks', 'fuse', 'layers'}
    output = model.compute_cam(*data)
    assert not output.raw.requires_grad and not output.cam.requires_grad
    assert output.features[-1].requires_grad
    assert not any(feature.requires_grad for feature in output.features[:-1])


def test_padding_is_ignored():
    model, data = build(), batch(padded=True)
    masks, losses = seen_masks(model, data)
    assert (masks[1, :, 32:] == VOID).all()
    assert not (masks[1, :, :32] == VOID).any() and not (masks[0] == VOID).any()
    assert all(value.isfinite() for value in losses.values())


def test_masks_show_classes_of_the_image_label_alone():
    model, (inputs, samples) = build(), batch()
    samples[0].gt_label.multi_hot[:] = 0
    masks, losses = seen_masks(model, (inputs, samples))
    assert not masks[0].any()
    assert set(masks[1].unique().tolist()) <= {0, 2}
    assert all(value.isfinite() for value in losses.values())


def test_a_batch_that_brings_masks_is_refused_and_none_is_left_in_it():
    model, data = build(), batch()
    model.loss(*data)
    assert not any('gt_sem_seg' in sample for sample in data[1])
    data[1][1].gt_sem_seg = PixelData(data=torch.zeros(1, *SIZE, dtype=torch.long))
    with pytest.raises(ValueError, match=r'1\.jpg brings a mask.*take LoadAnnotations out'):
        model.loss(*data)


def test_it_segments_without_labels():
    model = build().eval()
    inputs, _ = batch()
    scores = model(inputs, mode='tensor')
    assert scores.shape == (2, 5, *GRID)
    torch.testing.assert_close(scores, model.decode_head(model.backbone(inputs).maps))
    meta = {'ori_shape': (30, 40), 'img_shape': SIZE, 'img_path': 'a.jpg', 'flip': True}
    sample = SegDataSample(metainfo=meta | {'flip_direction': 'horizontal'})
    (found,) = model.predict(inputs[:1], [sample])
    assert found.pred_sem_seg.data.shape == (1, 30, 40)
    full = torch.nn.functional.interpolate(scores[:1], SIZE, mode='bilinear', align_corners=False)
    full = torch.nn.functional.interpolate(full.flip(-1), (30, 40), mode='bilinear')
    torch.testing.assert_close(found.seg_logits.data, full[0])
    assert CRFSegTTAModel(model, crf=None).module is model
    model = build({'align_corners': True}).eval()
    scores = model(inputs[:1], mode='tensor')
    full = torch.nn.functional.interpolate(scores, SIZE, mode='bilinear', align_corners=True)
    torch.testing.assert_close(model.encode_decode(inputs[:1]), full)


def test_cpal_learns_on_the_embedding_and_its_maps_are_fused():
    data = batch()
    host, model = build(), build(prototype_head=CPAL)
    for name, value in host.state_dict().items():
        assert model.state_dict()[name].equal(value), name  # the host draws the same numbers
    plain, _ = seen_masks(host, data)
    for _ in range(3):
        warming, losses = seen_masks(model, data)
    assert warming.equal(plain) and losses['loss_self'] == 0
    model.prototype_head.update_context_prototypes(0)
    output = model.compute_cam(*data)
    assert output.features[-1].shape == (2, 8, *GRID)
    pacam = model.prototype_head.predict(output, LABELS)
    fused = model.cam_head.refine_pacam(output, pacam)
    masks, losses = seen_masks(model, data)
    maps = torch.stack([normalize_cam(fused[0, n]) for n in (0, 2)])
    expected = torch.tensor([0, 1, 3])[online_mask(data[0][0], maps, iterations=2)]
    assert masks[0].equal(expected) and not masks.equal(plain)
    losses['loss_self'].backward()
    assert model.decode_head.fuse.weight.grad.any()


def test_vpls_prototypes_are_those_of_the_decoder_and_of_the_cams():
    data = batch()
    decoder = {'classifier': 'prototypes', 'embed_dims': 16, 'rsc': {'type': 'mmwsss.RSCLoss'}}
    model = build(decoder)
    vectors = torch.randn(6, 16)
    model.decode_head.set_prototypes(vectors)
    found = model.compute_cam(*data).cam
    model.cam_head.text.set_vectors(vectors)
    torch.testing.assert_close(model.compute_cam(*data).cam, found)  # the texts do not count
    model.decode_head.set_prototypes(vectors.flip(0))
    assert not torch.allclose(model.compute_cam(*data).cam, found)
    losses = model.loss(*data)
    assert losses['decode.loss_rsc'].isfinite()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'prototype_head': CPAL | {'background': 'prototype'}}, 'GradCAMs, which have no'),
        (
            {'cam_head': {'type': 'mmwsss.CLIPESHead', 'num_classes': 4, 'text': TEXT}},
            r'model\.cam_head is a CLIPESHead.*needs a mmwsss\.OneStageCLIPHead',
        ),
        ({'masks': {'stride': 0}}, r'model\.masks\.stride is 0'),
    ],
)
def test_parts_that_do_not_fit_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_how_masks_are_made_is_said_in_the_config():
    inputs, samples = batch()
    options = {'iterations': 1, 'bg_power': 2.0, 'stride': 2}
    model, found = build(masks=options), []
    output = model.compute_cam(inputs, samples)
    masks = model.make_masks(inputs, output, samples)
    for own in (options, {**options, 'bg_power': 1.0}, {**options, 'stride': 1}):
        maps = torch.stack([normalize_cam(output.raw[0, n]) for n in (0, 2)])
        power = own['bg_power']
        mask = online_mask(inputs[0], maps, power, iterations=1, stride=own['stride'])
        found.append(torch.tensor([0, 1, 3])[mask])
    assert masks[0].equal(found[0])
    assert not masks[0].equal(found[1]) and not masks[0].equal(found[2])


def test_the_names_that_mmseg_asks_for():
    model = build()
    assert (model.num_classes, model.out_channels, model.align_corners) == (5, 5, False)
    assert build(masks=None).masks.iterations == 20
    assert build(masks=None).masks.bg_power == 1
