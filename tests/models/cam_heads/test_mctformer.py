"""The head against plain torch, and the way of its map from the network to the seed."""

import math

import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample

from mmwsss.functional.cam import classification_loss
from mmwsss.models.backbones import ClassTokenFeatures
from mmwsss.registry import MODELS

F64 = torch.float64
CHANNELS, CLASSES, BLOCKS = 4, 2, 5


def make_head(**options):
    torch.manual_seed(0)
    config = {'type': 'mmwsss.MCTformerHead', 'in_channels': CHANNELS, 'num_classes': CLASSES}
    return MODELS.build(config | options).double()


def scene(size=(3, 5), kept=True, classes=CLASSES):
    generator = torch.Generator().manual_seed(1)
    count = classes + size[0] * size[1]

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=F64)

    features = ClassTokenFeatures(
        class_tokens=draw(2, classes, CHANNELS).requires_grad_(),
        attention=(2 * draw(BLOCKS, 2, count, count)).softmax(-1) if kept else None,
        patch_tokens=draw(2, CHANNELS, *size).requires_grad_(),
    )
    valid = torch.ones(2, 1, 16 * size[0], 16 * size[1])
    valid[1, :, :, 32:] = 0
    return features, valid


def naive_patch_map(head, tokens):
    """A 3x3 convolution with padding 1 and a bias by shifted copies of a padded map."""
    height, width = tokens.shape[-2:]
    canvas = torch.zeros(*tokens.shape[:2], height + 2, width + 2, dtype=F64)
    canvas[..., 1:-1, 1:-1] = tokens
    out = head.classifier.bias[None, :, None, None].repeat(len(tokens), 1, height, width)
    for i in range(3):
        for j in range(3):
            part = canvas[..., i : i + height, j : j + width]
            out += torch.einsum('nc,bchw->bnhw', head.classifier.weight[:, :, i, j], part)
    return out


@pytest.mark.parametrize('size', [(3, 5), (1, 1)])
@pytest.mark.parametrize('fused', [3, 1])
def test_maps_and_logits_by_plain_loops(size, fused):
    head, (features, valid) = make_head(num_fused_blocks=fused), scene(size)
    with torch.no_grad():
        output = head(features, valid)
        patch_map = naive_patch_map(head, features.patch_tokens)
    cells = size[0] * size[1]
    attention = features.attention
    for b in range(2):
        for n in range(CLASSES):
            values = patch_map[b, n].flatten().tolist()
            mixed = [
                max(values[j], 0.0)
                * sum(attention[k, b, n, CLASSES + j].item() for k in range(BLOCKS - fused, BLOCKS))
                for j in range(cells)
            ]
            expected = [
                sum(
                    attention[k, b, CLASSES + i, CLASSES + j].item() * mixed[j]
                    for k in range(BLOCKS)
                    for j in range(cells)
                )
                for i in range(cells)
            ]
            torch.testing.assert_close(output.raw[b, n].flatten().tolist(), expected)
            mean = sum(features.class_tokens[b, n].tolist()) / CHANNELS
            assert output.logits[b, n].item() == pytest.approx(mean)
            assert output.patch_logits[b, n].item() == pytest.approx(sum(values) / cells)
            inside = [b == 0 or j % size[1] < 2 for j in range(cells)]
            positive = [max(v, 0.0) * use for v, use in zip(values, inside, strict=True)]
            top = max(positive) + 1e-5
            cam = [value / top for value in positive]
            torch.testing.assert_close(output.cam[b, n].flatten().tolist(), cam)
    assert output.affinity.shape == (2, cells, cells)
    torch.testing.assert_close(output.affinity, attention.sum(0)[:, CLASSES:, CLASSES:])


def test_plug_ins_read_the_patch_tokens():
    head, (features, valid) = make_head(), scene()
    output = head(features, valid)
    assert len(output.features) == 1
    assert output.features[0] is features.patch_tokens
    projection = MODELS.build({'type': 'mmwsss.IdentityProjection', 'in_channels': CHANNELS})
    assert projection(output.features) is features.patch_tokens
    assert output.valid.shape == (2, 1, 3, 5)
    assert output.pixel_logits is None


def test_without_attention_views_are_merged_by_the_patches_map():
    head, (features, valid) = make_head(), scene(kept=False)
    output = head(features, valid)
    torch.testing.assert_close(output.raw, naive_patch_map(head, features.patch_tokens))
    assert output.affinity is None
    kept = head(scene()[0]._replace(patch_tokens=features.patch_tokens), valid)
    assert kept.cam.equal(output.cam)


def test_the_two_losses():
    head, (features, valid) = make_head(loss_weight=0.5), scene(kept=False)
    output = head(features, valid)
    label = torch.tensor([[1, 0], [1, 1]])
    losses = head.loss(output, label)
    assert losses.keys() == {'loss_class_tokens', 'loss_patch_tokens'}
    pairs = {'loss_class_tokens': output.logits, 'loss_patch_tokens': output.patch_logits}
    for name, logits in pairs.items():
        expected = 0.0
        for b in range(2):
            for n in range(2):
                probability = 1 / (1 + math.exp(-logits[b, n].item()))
                expected -= math.log(probability if label[b, n] else 1 - probability) / 4
        assert losses[name].item() == pytest.approx(0.5 * expected)
        soft_margin = torch.nn.functional.multilabel_soft_margin_loss(logits, label)
        assert losses[name].item() == pytest.approx(0.5 * soft_margin.item())


def test_the_losses_do_not_depend_on_the_attention():
    head, (features, valid) = make_head(), scene()
    label = torch.tensor([[1, 0], [1, 1]])
    kept = head.loss(head(features, valid), label)
    assert kept == head.loss(head(features._replace(attention=None), valid), label)


def test_both_losses_reach_their_tokens_alone():
    head, (features, valid) = make_head(), scene(kept=False)
    losses = head.loss(head(features, valid), torch.tensor([[1, 0], [1, 1]]))
    losses['loss_class_tokens'].backward()
    assert features.class_tokens.grad.any()
    assert features.patch_tokens.grad is None
    losses['loss_patch_tokens'].backward()
    assert features.patch_tokens.grad.any()
    assert all(parameter.grad.any() for parameter in head.parameters())


def test_the_cam_carries_gradient():
    head, (features, valid) = make_head(), scene(kept=False)
    head(features, valid).cam.square().sum().backward()
    assert features.patch_tokens.grad.any()


def test_a_backbone_of_other_classes_is_refused():
    features, valid = scene(classes=3)
    with pytest.raises(ValueError, match='3 class tokens and the cam_head 2 classes'):
        make_head()(features, valid)


def test_a_checkpoint_of_other_classes_is_refused():
    with pytest.raises(ValueError, match='5 classes and the model 2'):
        make_head().load_state_dict(make_head(num_classes=5).state_dict())


def small_model(**backbone):
    torch.manual_seed(0)
    arch = {'embed_dims': 8, 'num_layers': 4, 'num_heads': 2, 'feedforward_channels': 16}
    vit = {'type': 'mmwsss.ClassTokenViT', 'num_classes': 3, 'arch': arch, 'img_size': 64}
    head = {'type': 'mmwsss.MCTformerHead', 'in_channels': 8, 'num_classes': 3}
    plugin = {
        'type': 'mmwsss.PrototypeAwareCAMHead',
        'num_classes': 3,
        'projection': {'type': 'mmwsss.IdentityProjection', 'in_channels': 8},
        'bank': {'length': 10, 'num_prototypes': 2},
    }
    config = {'type': 'mmwsss.CAMSegmentor', 'backbone': vit | backbone, 'cam_head': head}
    model = MODELS.build(config | {'prototype_head': plugin})
    model.init_weights()
    torch.nn.init.normal_(model.backbone.cls_token)
    return model


def labelled(number=2):
    samples = [SegDataSample(metainfo={'img_path': f'{index}.jpg'}) for index in range(number)]
    for index, sample in enumerate(samples):
        label = torch.tensor([1.0, 0.0, float(index)])
        sample.gt_label = LabelData(multi_hot=label)
    return samples


def test_a_training_step_with_cpal_keeps_no_attention():
    model = small_model().train()
    kept = []
    model.backbone.register_forward_hook(lambda *call: kept.append(call[-1].attention))
    inputs = torch.randn(2, 3, 64, 64)
    for _ in range(2):
        losses = model.loss(inputs, labelled())
        model.prototype_head.update_context_prototypes(seed=0)
    assert kept == [None, None]
    assert losses.keys() == {'loss_class_tokens', 'loss_patch_tokens', 'loss_self'}
    assert losses['loss_self'] > 0
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_views_hold_the_fused_map_of_the_present_classes():
    model = small_model().eval()
    inputs = torch.randn(2, 3, 70, 90)
    with torch.no_grad():
        output = model.compute_cam(inputs, labelled())
        views = [sample.cam_view for sample in model.predict(inputs, labelled())]
    assert output.affinity is not None
    assert views[1].metainfo['classes'] == [0, 2]
    assert views[1].maps.equal(output.raw[1, [0, 2]])
    assert views[1].pacam.shape == (2, 4, 5)


def test_what_a_config_may_leave_out_and_what_it_may_say():
    features, valid = scene()
    one, three = make_head()(features, valid), make_head(num_fused_blocks=3)(features, valid)
    assert one.raw.equal(three.raw)
    label = torch.tensor([[1, 0], [1, 1]])
    losses = make_head().loss(one, label)
    for name, logits in zip(losses, (one.logits, one.patch_logits), strict=True):
        torch.testing.assert_close(losses[name], classification_loss(logits, label))
    head = make_head(init_cfg={'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5})
    head.init_weights()
    assert head.classifier.weight.eq(0.5).all()
