import math

import pytest
import torch

from mmwsss.registry import MODELS

F64 = torch.float64
CHANNELS, CLASSES, TOKEN = 3, 2, 4
CONTEXT = {'type': 'mmwsss.CFBiLSTM', 'hidden_channels': 2}
TRAINABLE = ('soft', 'hard', 'per_class', 'none')
ATTACHMENTS = (*TRAINABLE, 'label_mean')
ACTIVATIONS = ('softmax', 'softmax_fg', 'sigmoid')
LABEL = torch.tensor([[1.0, 0.0], [1.0, 1.0]])


def make_head(**options):
    torch.manual_seed(0)
    config = {
        'type': 'mmwsss.ClassTokenHead',
        'in_channels': CHANNELS,
        'num_classes': CLASSES,
        'token_channels': TOKEN,
        'context': CONTEXT,
    }
    head = MODELS.build(config | options).double()
    with torch.no_grad():
        for parameter in head.parameters():  # tokens of size 0.02 would hide a mistake
            parameter.copy_(0.7 * torch.randn_like(parameter))
    return head


def scene(size=(3, 5)):
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, CHANNELS, *size, generator=generator, dtype=F64, requires_grad=True)
    valid = torch.ones(2, 1, 4 * size[0], 4 * size[1])
    valid[1, :, :, 8:] = 0
    return (torch.zeros(2, 1, 1, 1), features), valid


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def linear(layer, vector):
    weight, bias = layer.weight[:, :, 0, 0].tolist(), layer.bias.tolist()
    return [dot(row, vector) + b for row, b in zip(weight, bias, strict=True)]


def naive_token(head, patch, label):
    """The token that a patch gets: a vector of T, by the reading of Eq. 2."""
    tokens = head.class_tokens.tolist()
    if head.settings.attachment == 'label_mean':
        present = [1.0] * (head.settings.activation == 'softmax') + label
        weights = [p / sum(present) for p in present]
    else:
        query = linear(head.query, patch)
        scores = [dot(query, token) / math.sqrt(TOKEN) for token in tokens]
        powers = [math.exp(score) for score in scores]
        weights = [power / sum(powers) for power in powers]
        if head.settings.attachment == 'hard':
            weights = [float(score == max(scores)) for score in scores]
    return [sum(w * t[d] for w, t in zip(weights, tokens, strict=True)) for d in range(TOKEN)]


def naive_fused(head, joined):
    """Project back and fuse one image (C, H, W); the fusion has its own tests."""
    if not isinstance(head.project, torch.nn.Identity):
        out = torch.zeros(CHANNELS, *joined.shape[1:], dtype=F64)
        for y in range(joined.shape[1]):
            for x in range(joined.shape[2]):
                out[:, y, x] = torch.tensor(linear(head.project, joined[:, y, x].tolist()))
        joined = out
    return head.context((joined[None],))[0][0] if head.context else joined


def naive_joined(head, image, label, token=None):
    """Eq. 2 of one image (D, H, W): patch, then token."""
    if head.settings.attachment == 'none':
        return image
    out = torch.zeros(CHANNELS + TOKEN, *image.shape[1:], dtype=F64)
    for y in range(image.shape[1]):
        for x in range(image.shape[2]):
            patch = image[:, y, x].tolist()
            own = token or naive_token(head, patch, label)
            out[:, y, x] = torch.tensor(patch + own, dtype=F64)
    return out


def naive_logits(head, image, label):
    """(C, H, W) of one image."""
    weight = head.classifier.weight[:, :, 0, 0].tolist()
    streams = [None] * len(weight)
    if head.settings.attachment == 'per_class':
        streams = head.class_tokens.tolist()
    out = torch.zeros(len(weight), *image.shape[1:], dtype=F64)
    for c, token in enumerate(streams):
        fused = naive_fused(head, naive_joined(head, image, label, token))
        for y in range(image.shape[1]):
            for x in range(image.shape[2]):
                out[c, y, x] = dot(weight[c], fused[:, y, x].tolist())
    return out


def naive_probability(head, logits):
    values = logits.tolist()
    if head.settings.activation == 'sigmoid':
        return [1 / (1 + math.exp(-value)) for value in values]
    return [math.exp(value) / sum(map(math.exp, values)) for value in values]


def naive_head(head, image, label, columns, k):
    """Probabilities (C, H, W) and pooled probabilities (C,) of one image with valid columns."""
    logits = naive_logits(head, image, label)
    probability = torch.zeros_like(logits)
    for y in range(logits.shape[1]):
        for x in range(logits.shape[2]):
            probability[:, y, x] = torch.tensor(naive_probability(head, logits[:, y, x]))
    pooled = []
    for plane in probability[:, :, :columns].tolist():
        best = sorted((value for row in plane for value in row), reverse=True)
        best = best if k is None else best[:k]
        pooled.append(sum(best) / len(best))
    return probability, pooled


def check_against_loops(size=(3, 5), k=4, **options):
    head, (features, valid) = make_head(**options), scene(size)
    with torch.no_grad():
        output = head(features, valid, LABEL)
    expected_loss = 0.0
    for b, image in enumerate(features[-1].detach()):
        columns = min(2, size[1]) if b else size[1]
        label = LABEL[b].tolist()
        probability, pooled = naive_head(head, image, label, columns, k)
        first = len(probability) - CLASSES
        inside = torch.zeros(size, dtype=F64)
        inside[:, :columns] = 1
        torch.testing.assert_close(output.cam[b], probability[first:] * inside)
        if first:
            torch.testing.assert_close(output.background[b], probability[0])
            label = [1.0, *label]
        for p, y in zip(pooled, label, strict=True):
            expected_loss -= math.log(p if y else 1 - p) / len(label) / 2
        torch.testing.assert_close(output.logits[b].sigmoid().tolist(), pooled[first:])
    if head.settings.attachment == 'label_mean':
        return
    losses = head.loss(output, LABEL)
    assert losses.keys() == {'loss_mce'}
    torch.testing.assert_close(losses['loss_mce'].item(), expected_loss)


@pytest.mark.parametrize('size', [(3, 5), (1, 1)])
@pytest.mark.parametrize('attachment', ATTACHMENTS)
@pytest.mark.parametrize('activation', ACTIVATIONS)
def test_maps_and_loss_by_plain_loops(attachment, activation, size):
    check_against_loops(size, attachment=attachment, activation=activation)


@pytest.mark.parametrize(('pooling', 'k'), [('max', 1), ('avg', None), ('top_k', 2)])
def test_pooling_by_plain_loops(pooling, k):
    check_against_loops(k=k, pooling=pooling, top_k=2)


@pytest.mark.parametrize('attachment', ['soft', 'none'])
@pytest.mark.parametrize('context', [CONTEXT, None])
def test_without_context_and_projected_back_by_plain_loops(context, attachment):
    for project_back in (False, True):
        check_against_loops(context=context, attachment=attachment, project_back=project_back)


def test_widths():
    head = make_head()
    assert head.classifier.weight.shape == (CLASSES + 1, CHANNELS + TOKEN, 1, 1)
    assert head.context.projection.out_features == CHANNELS + TOKEN  # Eq. 6
    assert make_head(project_back=True).context.projection.out_features == CHANNELS
    assert make_head(activation='sigmoid').class_tokens.shape == (CLASSES, TOKEN)


@pytest.mark.parametrize('attachment', TRAINABLE[:-1])
def test_class_tokens_begin_apart(attachment):
    """Equal ones, as at zero, would tell a patch of no class, and their scores would not learn."""
    torch.manual_seed(0)
    head = MODELS.build(
        {
            'type': 'mmwsss.ClassTokenHead',
            'in_channels': 8,
            'num_classes': 20,
            'attachment': attachment,
        }
    )
    assert head.class_tokens.detach().std().item() == pytest.approx(0.02, rel=0.1)
    distances = torch.cdist(head.class_tokens, head.class_tokens) + torch.eye(21)
    assert distances.min() > 0.1


def test_what_the_output_holds():
    head, (features, valid) = make_head(), scene()
    output = head(features, valid)
    assert output.features is features
    assert output.raw is None
    torch.testing.assert_close(output.pixel_logits.softmax(1)[:, 0], output.background)
    torch.testing.assert_close(output.pixel_logits.softmax(1)[:, 1:] * output.valid, output.cam)
    assert not output.cam[1, :, :, 2:].any()
    plain = make_head(activation='sigmoid')(features, valid)
    assert plain.pixel_logits is None
    assert plain.background is None


def test_every_image_has_a_background():
    head, (features, valid) = make_head(), scene()
    output = head(features, valid)
    output.pooled.retain_grad()
    head.loss(output, torch.zeros(2, CLASSES))['loss_mce'].backward()
    assert (output.pooled.grad[:, 0] < 0).all()
    assert (output.pooled.grad[:, 1:] > 0).all()


def test_the_padding_is_not_pooled():
    head, (features, valid) = make_head(attachment='none', context=None), scene()
    changed = features[-1].detach().clone()
    changed[1, :, :, 2:] = 50
    plain, strange = head(features, valid), head((changed,), valid)
    torch.testing.assert_close(plain.pooled, strange.pooled)


def test_a_training_that_is_told_its_label_is_refused():
    """Features of noise: with the label's tokens the loss could fall under its entropy."""
    head, (features, valid) = make_head(attachment='label_mean'), scene()
    output = head(features, valid, LABEL)
    with pytest.raises(ValueError, match="'label_mean' attaches the image label that is to be"):
        head.loss(output, LABEL)


@pytest.mark.parametrize('attachment', TRAINABLE)
@pytest.mark.parametrize('activation', ACTIVATIONS)
def test_every_parameter_learns(attachment, activation):
    head, (features, valid) = make_head(attachment=attachment, activation=activation), scene()
    head.loss(head(features, valid, LABEL), LABEL)['loss_mce'].backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name  # distributed training wants all
        assert parameter.grad.any(), name
    assert features[-1].grad.any()


@pytest.mark.parametrize('attachment', TRAINABLE)
def test_finite_under_autocast_and_with_saturated_patches(attachment):
    head = make_head(attachment=attachment).float()
    (_, features), valid = scene()
    features = (1e4 * features.detach().float()).requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        output = head((features,), valid, LABEL)
        loss = head.loss(output, LABEL)['loss_mce']
    loss.backward()
    assert output.pooled.dtype == loss.dtype == torch.float32
    assert loss.isfinite()
    assert features.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


def test_the_gradient_of_the_loss():
    head, (features, valid) = make_head(), scene((2, 3))

    def loss(patches):
        return head.loss(head((patches,), valid, LABEL), LABEL)['loss_mce']

    assert torch.autograd.gradcheck(loss, features[-1])


def test_the_loss_weight_is_a_factor():
    (features, valid), losses = scene(), []
    for weight in (1.0, 0.5):
        head = make_head(loss_weight=weight)
        losses.append(head.loss(head(features, valid), LABEL)['loss_mce'].item())
    assert losses[1] == pytest.approx(losses[0] / 2)


def test_the_mean_of_the_label_needs_a_label():
    head, (features, valid) = make_head(attachment='label_mean'), scene()
    with pytest.raises(ValueError, match="'label_mean' needs the image label"):
        head(features, valid)
    head(features, valid, LABEL)


def test_other_readings_do_not_look_at_the_label():
    for attachment in ('soft', 'hard', 'per_class', 'none'):
        head, (features, valid) = make_head(attachment=attachment), scene()
        assert head(features, valid).cam.equal(head(features, valid, LABEL).cam)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'attachment': 'early'}, 'attachment is .early.; choose one of soft'),
        ({'activation': 'relu'}, 'activation is .relu.; choose one of softmax'),
        ({'pooling': 'sum'}, 'pooling is .sum.; choose one of top_k'),
        ({'top_k': 0}, 'model.cam_head.top_k is 0; it must be at least 1'),
        ({'activation': 'softmax_fg', 'num_classes': 1}, 'at least two classes'),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_head(**options)


def test_a_checkpoint_of_other_classes_is_refused():
    with pytest.raises(ValueError, match='6 classes and the model 3'):
        make_head().load_state_dict(make_head(num_classes=5).state_dict())


def test_what_the_config_says_of_the_start():
    head = make_head(init_cfg={'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5})
    head.init_weights()
    assert head.classifier.weight.eq(0.5).all()
    assert head.own_background and head.pads_full_size
