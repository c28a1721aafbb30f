"""The whole head against plain loops from the paper, and a test for each trap of its text."""

import copy
import math
from dataclasses import replace

import pytest
import torch

from mmwsss.functional import cpal
from mmwsss.functional.cam import normalize_by_max
from mmwsss.models.prototypes import PrototypeAwareCAMHead
from mmwsss.structures import CAMOutput

F64 = torch.float64
IMAGES, CLASSES, CHANNELS, HEIGHT, WIDTH = 3, 4, 5, 3, 4
CONTEXTS = (2, 3, 3, 0)  # context prototypes of each class; the last one has none
IDENTITY = {'type': 'mmwsss.IdentityProjection', 'in_channels': CHANNELS}


def make_head(seed=0, **options):
    """A head whose bank and running means are full of numbers."""
    generator = torch.Generator().manual_seed(seed)
    options = {'projection': IDENTITY, 'num_neighbors': 2, 'tau': 0.4, **options}
    bank = {'length': 6, 'num_prototypes': 3, 'normalize': options.pop('normalize', False)}
    head = PrototypeAwareCAMHead(CLASSES, bank=bank, **options).double()
    for n, number in enumerate(CONTEXTS):
        head.bank.context[n, :number] = torch.randn(number, CHANNELS, generator=generator)
        head.bank.context[n, number:] = 1e3  # must never be read
    head.bank.context_count.copy_(torch.tensor(CONTEXTS))
    for running in (head.instance_mean, head.feature_mean):
        running.mean.copy_(torch.randn(running.mean.shape, generator=generator))
        running.updates.fill_(10_000)  # long after the start
    return head


def make_scene(seed=1):
    """Three images: one whole, one with padding, one whose only instance is too faint."""
    generator = torch.Generator().manual_seed(seed)
    valid = torch.ones(IMAGES, 1, HEIGHT, WIDTH, dtype=F64)
    valid[1, :, :, 3] = 0
    valid[1, :, 2] = 0
    cam = torch.rand(IMAGES, CLASSES, HEIGHT, WIDTH, generator=generator, dtype=F64) * valid
    cam[2] *= 0.1
    features = torch.randn(IMAGES, CHANNELS, HEIGHT, WIDTH, generator=generator, dtype=F64)
    label = torch.tensor([[1, 1, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0]])
    output = CAMOutput((features.requires_grad_(),), cam.requires_grad_(), valid)
    return output, label


# --- the naive twin: CPAL Sec. 3.2 to 3.4 in plain Python numbers -------------------------------


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def add(a, b):
    return [x + y for x, y in zip(a, b, strict=True)]


def subtract(a, b):
    return [x - y for x, y in zip(a, b, strict=True)]


def cosine(a, b):
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def mean(rows):
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def softmax(scores):
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def moved(old, new, momentum=0.99):
    return [momentum * o + (1 - momentum) * n for o, n in zip(old, new, strict=True)]


SCORES = {
    'dot': dot,
    'cosine': cosine,
    'l1': lambda a, b: -sum(abs(x) for x in subtract(a, b)),
    'l2': lambda a, b: -math.sqrt(dot(subtract(a, b), subtract(a, b))),
}
DEFAULTS = {
    'tau': 0.4,
    'num_neighbors': 2,
    'positiveness': 'dot',
    'temperature': 1.0,
    'weighting': 'weighted_map',
    'statistic': 'ema',
    'apply_to': 'anchor',
    'min_count': 1,
    'center': False,
    'background_over': 'present',
    'normalize': False,
}


class NaiveCPAL:
    """One step on one batch; the state of `head` before the step is copied out of it."""

    def __init__(self, head, output, label, frozen, **options):
        self.o = {**DEFAULTS, **options}
        self.z = output.features[0].detach().permute(0, 2, 3, 1).tolist()  # (B, H, W, D)
        self.cam = output.cam.detach().tolist()
        self.valid = output.valid[:, 0].tolist()
        self.label = label.tolist()
        self.context = [head.bank.context[n, :number].tolist() for n, number in enumerate(CONTEXTS)]
        self.running = head.instance_mean.mean.tolist()
        self.feature_mean = head.feature_mean.mean[0].tolist()
        self.anchors = self.find_anchors()
        self.batch = {}
        for n in range(CLASSES):
            self.batch[n] = [p for (_, other), p in self.anchors.items() if other == n]
        if not frozen:
            for n, rows in self.batch.items():
                if rows:
                    self.running[n] = moved(self.running[n], mean(rows))
            pixels = [self.z[b][y][x] for b in range(IMAGES) for y, x in self.pixels(b)]
            self.feature_mean = moved(self.feature_mean, mean(pixels))
        self.frozen = frozen

    def pixels(self, b):
        return [(y, x) for y in range(HEIGHT) for x in range(WIDTH) if self.valid[b][y][x]]

    def find_anchors(self):
        """Eq. 4."""
        anchors = {}
        for b in range(IMAGES):
            for n in range(CLASSES):
                rows = [
                    self.z[b][y][x]
                    for y, x in self.pixels(b)
                    if self.cam[b][n][y][x] > self.o['tau']
                ]
                if self.label[b][n] and rows:
                    anchors[b, n] = mean(rows)
                    if self.o['normalize']:
                        length = math.sqrt(dot(anchors[b, n], anchors[b, n]))
                        anchors[b, n] = [value / length for value in anchors[b, n]]
        return anchors

    def shift(self, n):
        """Eq. 12."""
        if self.o['statistic'] == 'none':
            return [0.0] * CHANNELS
        instances = [self.running[n]]
        if self.o['statistic'] == 'batch' and not self.frozen:
            instances = self.batch[n]
            if len(instances) < self.o['min_count']:
                return [0.0] * CHANNELS
        differences = [subtract(p, q) for p in self.context[n] for q in instances]
        return mean(differences)

    def pacam(self, b, n):
        """Eq. 6, 7 and 13: the map of one pair, before it is divided by its maximum."""
        context, shift = self.context[n], self.shift(n)
        anchor = self.anchors[b, n]
        if self.o['apply_to'] in ('anchor', 'both'):
            anchor = add(anchor, shift)
        center = self.feature_mean if self.o['center'] else [0.0] * CHANNELS
        similarity = [cosine(subtract(anchor, center), subtract(p, center)) for p in context]
        kind = self.o['positiveness']
        if kind == 'none':
            weight = [1 / len(context)] * len(context)
        elif kind == 'cosine':
            weight = softmax([s / self.o['temperature'] for s in similarity])
        else:  # on raw vectors, centred or not
            weight = softmax([SCORES[kind](anchor, p) / self.o['temperature'] for p in context])
        ranking = similarity
        if self.o['weighting'] != 'literal':
            pairs = zip(weight, similarity, strict=True)
            ranking = [w * s if s > 0 else s for w, s in pairs]  # the similar first
        order = sorted(range(len(context)), key=lambda i: -ranking[i])
        chosen = order[: self.o['num_neighbors'] or len(context)]
        if self.o['weighting'] != 'weighted_map':
            weight = [1.0] * len(context)
        out = [[0.0] * WIDTH for _ in range(HEIGHT)]
        for y, x in self.pixels(b):
            pixel = self.z[b][y][x]
            if self.o['apply_to'] in ('feature', 'both'):
                pixel = add(pixel, shift)
            value = sum(
                weight[i] * cosine(subtract(pixel, center), subtract(context[i], center))
                for i in chosen
            )
            out[y][x] = max(value / sum(weight[i] for i in chosen), 0.0)
        return out

    def pacams(self):
        return {(b, n): self.pacam(b, n) for b, n in self.anchors if self.context[n]}

    def loss(self):
        """Eq. 14."""
        pacams, total, pixels = self.pacams(), 0.0, 0
        for (b, n), values in pacams.items():
            top = max(max(row) for row in values) + 1e-5
            pacams[b, n] = [[value / top for value in row] for row in values]
        for b in range(IMAGES):
            present = [n for n in range(CLASSES) if (b, n) in pacams]
            over = range(CLASSES) if self.o['background_over'] == 'all' else present
            for y, x in self.pixels(b):
                pixels += 1
                if not present:
                    continue
                ground = 1 - max(self.cam[b][n][y][x] for n in over)
                other = 1 - max(pacams[b, n][y][x] for n in present)
                total += abs(ground - other)
                for n in present:
                    total += abs(self.cam[b][n][y][x] - pacams[b, n][y][x])
        return total / ((CLASSES + 1) * pixels)


OPTIONS = [
    {},
    {'num_neighbors': None, 'positiveness': 'none', 'statistic': 'none'},  # vanilla, Table 2
    {'num_neighbors': None, 'positiveness': 'none'},
    {'num_neighbors': None},
    {'num_neighbors': 1},
    {'num_neighbors': 99},
    {'positiveness': 'none'},
    {'positiveness': 'cosine'},
    {'positiveness': 'l1'},
    {'positiveness': 'l2'},
    {'temperature': 0.3},
    {'tau': 0.7},
    {'weighting': 'rank_then_mean'},
    {'weighting': 'literal'},
    *(
        {'statistic': statistic, 'apply_to': apply_to}
        for statistic in ('none', 'batch', 'ema')
        for apply_to in ('anchor', 'feature', 'both')
    ),
    {'statistic': 'batch', 'min_count': 2},
    {'statistic': 'batch', 'min_count': 2, 'apply_to': 'feature'},
    {'center': True},
    {'center': True, 'apply_to': 'both'},
    {'center': True, 'positiveness': 'cosine'},
    {'center': True, 'positiveness': 'l2', 'weighting': 'rank_then_mean'},
    {'background_over': 'all'},
    {'normalize': True},
    {'normalize': True, 'statistic': 'batch', 'center': True},
]


@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_the_loss_is_that_of_the_paper_in_plain_loops(options):
    head, (output, label) = make_head(**options), make_scene()
    naive = NaiveCPAL(head, output, label, frozen=False, **options)
    loss = head.loss(output, label)
    assert loss.keys() == {'loss_self'}
    torch.testing.assert_close(loss['loss_self'].item(), naive.loss())
    torch.testing.assert_close(head.instance_mean.mean.tolist(), naive.running)
    torch.testing.assert_close(head.feature_mean.mean[0].tolist(), naive.feature_mean)


@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_the_pacam_of_a_view_is_that_of_the_paper_with_frozen_statistics(options):
    head, (output, label) = make_head(**options), make_scene()
    before = copy.deepcopy(head.state_dict())
    maps = head.predict(output, label)
    expected = torch.zeros(IMAGES, CLASSES, HEIGHT, WIDTH, dtype=F64)
    for (b, n), values in NaiveCPAL(head, output, label, frozen=True, **options).pacams().items():
        expected[b, n] = torch.tensor(values)
    torch.testing.assert_close(maps, expected)
    assert not maps.requires_grad
    for name, value in head.state_dict().items():
        assert value.equal(before[name]), name


def test_the_twin_tells_the_options_apart():
    """An option that changes nothing in this scene would make the tests above blind."""
    losses = {}
    for options in OPTIONS:
        output, label = make_scene()
        value = make_head(**options).loss(output, label)['loss_self'].item()
        losses.setdefault(round(value, 9), []).append(options)
    same = [group for group in losses.values() if len(group) > 1]
    vanilla = {'num_neighbors': None, 'positiveness': 'none'}
    expected = [
        [{}, {'statistic': 'ema', 'apply_to': 'anchor'}],
        [{**vanilla, 'statistic': 'none'}, vanilla],  # a mean of all does not ask the anchor
        [{'num_neighbors': None}, {'num_neighbors': 99}],
        [{'positiveness': 'none'}, {'weighting': 'literal'}],  # the trap of Eq. 6
        [{'statistic': 'none', 'apply_to': where} for where in ('anchor', 'feature', 'both')],
    ]
    assert same == expected


# --- traps ---------------------------------------------------------------------------------------


def pacam_of(output, label, **options):
    return make_head(**options).predict(output, label)


def test_trap_literal_reading_makes_positiveness_a_no_op():
    output, label = make_scene()
    literal = [
        pacam_of(output, label, weighting='literal', positiveness=score, temperature=t)
        for score, t in (('dot', 1.0), ('l1', 0.1), ('none', 1.0))
    ]
    assert literal[0].equal(literal[1])
    assert literal[0].equal(literal[2])
    weighted = [pacam_of(output, label, positiveness=score) for score in ('dot', 'l1', 'none')]
    assert not torch.allclose(weighted[0], weighted[1])
    assert not torch.allclose(weighted[0], weighted[2])
    # the other two readings are apart only where the score changes who the neighbours are
    ranked = pacam_of(output, label, weighting='rank_then_mean', num_neighbors=None)
    assert ranked.equal(pacam_of(output, label, weighting='literal', num_neighbors=None))


def anchors_seen(monkeypatch, head, output, label):
    """Anchors (M, D) that the positiveness scores are given."""
    seen = []
    real = cpal.POSITIVENESS_SCORES['dot']

    def record(anchor, context):
        seen.append(anchor.detach())
        return real(anchor, context)

    monkeypatch.setitem(cpal.POSITIVENESS_SCORES, 'dot', record)
    head.loss(output, label)
    return seen[0]


def one_instance():
    output, _ = make_scene()
    alone = CAMOutput((output.features[0][:1],), output.cam[:1], output.valid[:1])
    return alone, torch.tensor([[0, 1, 0, 0]])


def test_trap_a_single_instance_is_erased_by_the_batch_statistic(monkeypatch):
    output, label = one_instance()
    bank_mean = make_head().bank.context[1].mean(0, keepdim=True)
    anchor = anchors_seen(monkeypatch, make_head(statistic='batch'), output, label)
    torch.testing.assert_close(anchor, bank_mean)
    other = replace(output, features=(output.features[0] * 3 + 1,))
    anchor = anchors_seen(monkeypatch, make_head(statistic='batch'), other, label)
    torch.testing.assert_close(anchor, bank_mean)  # nothing of the image is left


def test_trap_a_single_instance_survives_the_running_statistic(monkeypatch):
    output, label = one_instance()
    head = make_head(statistic='ema')
    whole, labels = make_scene()
    naive = NaiveCPAL(head, whole, labels, frozen=True)
    instance = torch.tensor(naive.anchors[0, 1], dtype=F64)
    old, bank_mean = head.instance_mean.mean[1].clone(), head.bank.context[1].mean(0)
    anchor = anchors_seen(monkeypatch, head, output, label)[0]
    torch.testing.assert_close(anchor, instance + bank_mean - (0.99 * old + 0.01 * instance))
    assert (anchor - bank_mean).norm() > 0.5


def test_trap_min_count_spares_a_single_instance(monkeypatch):
    output, label = one_instance()
    head = make_head(statistic='batch', min_count=2)
    anchor = anchors_seen(monkeypatch, head, output, label)
    plain = anchors_seen(monkeypatch, make_head(statistic='none'), output, label)
    assert anchor.equal(plain)


@pytest.mark.parametrize('stop_grad', ['none', 'pacam', 'cam'])
def test_trap_the_warm_up_is_the_host_alone(stop_grad):
    side = {
        'type': 'mmwsss.SideProjection',
        'in_channels': (CHANNELS,),
        'out_channels': (6,),
        'grid_stage': 0,
    }
    head = PrototypeAwareCAMHead(CLASSES, side, bank={'length': 6}, stop_grad=stop_grad)
    scene, label = make_scene()
    gradients, losses = [], []
    for plugged in (False, True):
        torch.manual_seed(0)
        features = scene.features[0].detach().float().requires_grad_()
        cam = normalize_by_max(torch.rand(CLASSES, CHANNELS).matmul(features.flatten(2)).relu()
                               .unflatten(2, (HEIGHT, WIDTH)))  # fmt: skip
        host = (cam * torch.rand_like(cam)).sum()
        output = CAMOutput((features,), cam, scene.valid.float())
        added = head.loss(output, label)['loss_self'] if plugged else 0
        assert added == 0
        (host + added).backward()
        losses.append(host + added)
        gradients.append(features.grad)
    assert losses[0].equal(losses[1])
    assert gradients[0].equal(gradients[1])
    for parameter in head.projection.parameters():  # DDP refuses one without a gradient
        assert parameter.grad is not None
        assert not parameter.grad.any()
    assert head.bank.count.tolist() == [1, 2, 2, 1]  # while the bank fills


def test_trap_the_background_is_taken_over_present_classes():
    """An absent class that is strong everywhere makes the background collapse, as in SIPE."""
    output, label = make_scene()
    strong = output.cam.detach().clone()
    strong[0, 2] = 1  # class 2 is not in image 0
    loud = replace(output, cam=strong)

    def loss(scene, over):
        return make_head(background_over=over).loss(scene, label)['loss_self']

    assert loss(loud, 'present').equal(loss(output, 'present'))
    assert loss(loud, 'all') > loss(output, 'all') + 0.01


def test_trap_the_padding_changes_nothing():
    output, label = make_scene()
    hidden = (output.valid == 0).expand_as(output.cam)
    cam = output.cam.detach().clone()
    cam[hidden] = 0.9
    features = output.features[0].detach().clone()
    features[(output.valid == 0).expand_as(features)] = 50.0
    changed = CAMOutput((features,), cam, output.valid)
    for options in ({}, {'center': True, 'statistic': 'batch', 'apply_to': 'both'}):
        heads = make_head(**options), make_head(**options)
        assert heads[0].predict(output, label).equal(heads[1].predict(changed, label))
        losses = [
            head.loss(each, label)['loss_self']
            for head, each in zip(heads, (output, changed), strict=True)
        ]
        assert losses[0].equal(losses[1])
        for name, value in heads[0].state_dict().items():
            assert value.equal(heads[1].state_dict()[name]), name


def test_the_padding_gets_no_gradient():
    output, label = make_scene()
    make_head(center=True).loss(output, label)['loss_self'].backward()
    padding = output.valid == 0
    for tensor in (output.features[0], output.cam):
        assert not tensor.grad[padding.expand_as(tensor)].any()
        assert tensor.grad.any()


def test_trap_a_class_without_bank_entries_has_no_pacam_and_no_term():
    output, label = make_scene()
    maps = make_head().predict(output, label)
    assert label[0, 3] == 1
    assert not maps[:, 3].any()
    without = label.clone()
    without[0, 3] = 0
    losses = [make_head().loss(output, each)['loss_self'] for each in (label, without)]
    assert losses[0].equal(losses[1])
    losses[0].backward()
    assert not output.cam.grad[:, 3].any()
    assert not output.cam.grad[2].any()  # nor has an image whose instance is too faint


def test_absent_classes_have_no_pacam():
    output, label = make_scene()
    maps = make_head().predict(output, label)
    assert not maps[label == 0].any()
    assert maps[0, 0].any()
    assert not make_head().predict(output, torch.zeros_like(label)).any()


@pytest.mark.parametrize(
    ('stop_grad', 'to_features', 'to_cam'),
    [('none', True, True), ('pacam', False, True), ('cam', True, False)],
)
def test_trap_stop_grad_says_whose_gradient_is_stopped(stop_grad, to_features, to_cam):
    output, label = make_scene()
    make_head(stop_grad=stop_grad).loss(output, label)['loss_self'].backward()
    for tensor, wanted in ((output.features[0], to_features), (output.cam, to_cam)):
        assert (tensor.grad is not None and bool(tensor.grad.any())) == wanted


def test_stop_grad_changes_no_value():
    output, label = make_scene()
    losses = [
        make_head(stop_grad=each).loss(output, label)['loss_self']
        for each in ('none', 'pacam', 'cam')
    ]
    assert losses[0].equal(losses[1])
    assert losses[0].equal(losses[2])


def gradient_with_constants(options):
    """Gradient of the loss when only ``z`` and ``M`` vary: directions come from plain numbers."""
    head, (output, label) = make_head(**options), make_scene()
    naive = NaiveCPAL(head, output, label, frozen=False, **options)
    pairs = [pair for pair in naive.anchors if naive.context[pair[1]]]
    z = output.features[0].detach().clone().requires_grad_()
    pacam = torch.zeros(IMAGES, CLASSES, HEIGHT, WIDTH, dtype=F64)
    for b, n in pairs:
        anchor = add(naive.anchors[b, n], naive.shift(n))
        weight = softmax([dot(anchor, p) for p in naive.context[n]])
        similarity = [cosine(anchor, p) for p in naive.context[n]]
        ranking = [w * s if s > 0 else s for w, s in zip(weight, similarity, strict=True)]
        best = sorted(range(len(weight)), key=lambda i, r=ranking: -r[i])[:2]
        value = sum(
            weight[i]
            * torch.cosine_similarity(
                z[b], torch.tensor(naive.context[n][i], dtype=F64)[:, None, None], dim=0
            )
            for i in best
        )
        value = (value / sum(weight[i] for i in best)).relu() * output.valid[b, 0]
        pacam[b, n] = value / (value.max() + 1e-5)
    total = 0
    for b in range(IMAGES):
        own = [n for image, n in pairs if image == b]
        if not own:
            continue
        cam, proto = output.cam[b, own].detach(), pacam[b, own]
        ground = (cam.amax(0) - proto.amax(0)).abs()
        total = total + ((ground + (cam - proto).abs().sum(0)) * output.valid[b, 0]).sum()
    (total / ((CLASSES + 1) * output.valid.sum())).backward()
    return z.grad


def test_trap_anchors_and_weights_are_constants_of_a_step():
    gradients = []
    for detach in (True, False):
        output, label = make_scene()
        make_head(detach_anchor=detach).loss(output, label)['loss_self'].backward()
        gradients.append(output.features[0].grad)
    expected = gradient_with_constants({})
    torch.testing.assert_close(gradients[0], expected)
    assert (gradients[1] - expected).abs().max() > 1e-3


def test_without_detached_anchors_the_gradient_is_the_whole_one():
    scene, label = make_scene()
    head = make_head(detach_anchor=False, statistic='none')

    def loss(features, cam):
        state = copy.deepcopy(head)
        return state.loss(replace(scene, features=(features,), cam=cam), label)['loss_self']

    inputs = scene.features[0], scene.cam
    assert torch.autograd.gradcheck(loss, inputs, fast_mode=True)
    head.settings = replace(head.settings, detach_anchor=True)
    assert not torch.autograd.gradcheck(loss, inputs, fast_mode=True, raise_exception=False)


def test_nothing_in_the_state_carries_a_gradient():
    output, label = make_scene()
    head = make_head(detach_anchor=False, center=True, statistic='batch')
    head.loss(output, label)['loss_self'].backward()
    assert not any(buffer.requires_grad for buffer in head.buffers())


def test_centring_removes_an_offset_of_the_whole_space():
    """The same offset on features, prototypes and running means is invisible when centred."""
    output, label = make_scene()
    moved_output = replace(output, features=(output.features[0] + 2,))
    for center, same in ((True, True), (False, False)):
        maps = []
        for offset, scene in ((0, output), (2, moved_output)):
            head = make_head(center=center, positiveness='l2')
            head.bank.context += offset
            head.instance_mean.mean += offset
            head.feature_mean.mean += offset
            maps.append(head.predict(scene, label))
        assert torch.allclose(*maps) == same


def test_one_direction_equals_k_similarity_maps():
    output, label = make_scene()
    head = make_head(num_neighbors=None)
    maps = head.predict(output, label)
    naive = NaiveCPAL(head, output, label, frozen=True)
    z = output.features[0].detach()
    for b, n in ((0, 1), (1, 2)):
        anchor = torch.tensor(add(naive.anchors[b, n], naive.shift(n)), dtype=F64)
        weight = (head.bank.context[n] @ anchor).softmax(0)
        single = torch.stack(
            [torch.cosine_similarity(z[b], p[:, None, None], dim=0) for p in head.bank.context[n]]
        )
        expected = (weight[:, None, None] * single).sum(0).relu() * output.valid[b, 0]
        torch.testing.assert_close(maps[b, n], expected)


@pytest.mark.parametrize(
    'name',
    ['positiveness', 'weighting', 'statistic', 'apply_to', 'stop_grad', 'background_over'],
)
def test_an_unknown_option_is_named(name):
    with pytest.raises(ValueError, match=rf"prototype_head.{name} is 'nonsense'; choose one of"):
        make_head(**{name: 'nonsense'})


# --- the host's own background, grids, state ----------------------------------------------------


def test_a_hosts_own_background_takes_the_place_of_one_minus_the_maximum():
    output, label = make_scene()
    present = label.clone()
    present[0, 3] = 0  # has no PACAM
    ground = 1 - (output.cam.detach() * present[:, :, None, None]).amax(1)
    own = replace(output, background=ground)
    plain, same = (make_head().loss(each, label)['loss_self'] for each in (output, own))
    torch.testing.assert_close(plain, same)
    darker = replace(output, background=ground * 0.2)
    naive = NaiveCPAL(make_head(), darker, label, frozen=False)
    pacam = normalize_by_max(make_scene_pacam(output, label))
    other = 1 - (pacam * present[:, :, None, None]).amax(1)
    inside = output.valid[:2, 0]
    change = (((0.2 * ground - other).abs() - (ground - other).abs())[:2] * inside).sum()
    expected = naive.loss() + change.item() / ((CLASSES + 1) * output.valid.sum().item())
    torch.testing.assert_close(make_head().loss(darker, label)['loss_self'].item(), expected)


def make_scene_pacam(output, label):
    naive = NaiveCPAL(make_head(), output, label, frozen=False)
    maps = torch.zeros(IMAGES, CLASSES, HEIGHT, WIDTH, dtype=F64)
    for (b, n), values in naive.pacams().items():
        maps[b, n] = torch.tensor(values)
    return maps


def test_cams_on_another_grid_are_laid_on_that_of_the_features():
    output, label = make_scene()
    generator = torch.Generator().manual_seed(4)
    ground = torch.rand(IMAGES, 2 * HEIGHT, 2 * WIDTH, generator=generator, dtype=F64)
    cam = output.cam.detach().repeat_interleave(2, 2).repeat_interleave(2, 3)
    cam[..., ::2] *= 1.5  # 2x2 cells of which no single one is their mean
    cam[..., 1::2] *= 0.5
    fine = CAMOutput(
        output.features,
        cam=cam,
        valid=output.valid.repeat_interleave(2, 2).repeat_interleave(2, 3),
        background=ground,
    )
    # halving a map bilinearly is the mean of its 2x2 cells
    halved = ground.unflatten(1, (HEIGHT, 2)).unflatten(3, (WIDTH, 2)).mean((2, 4))
    coarse = replace(output, background=halved)
    losses = [make_head().loss(each, label)['loss_self'] for each in (coarse, fine)]
    torch.testing.assert_close(losses[0], losses[1])
    assert make_head().predict(fine, label).shape == (IMAGES, CLASSES, HEIGHT, WIDTH)


@pytest.mark.parametrize('predict', [True, False])
def test_cams_on_a_coarser_grid_are_interpolated_between_their_cells(predict):
    """Two columns a and b make four: a, (3 a + b) / 4, (a + 3 b) / 4, b."""
    output, label = make_scene()
    valid = torch.ones_like(output.valid)
    left, right = output.cam.detach()[..., :1], output.cam.detach()[..., 1:2]
    wide = torch.cat([left, (3 * left + right) / 4, (left + 3 * right) / 4, right], dim=3)
    fine = CAMOutput(output.features, cam=wide, valid=valid)
    coarse = CAMOutput(output.features, torch.cat([left, right], dim=3), valid[..., :2])
    if predict:
        results = [make_head().predict(each, label) for each in (fine, coarse)]
    else:
        results = [make_head().loss(each, label)['loss_self'] for each in (fine, coarse)]
    torch.testing.assert_close(results[1], results[0])
    assert results[0].any()


def test_one_pass_weighs_its_batches_evenly():
    """The bank's one pass begins with empty means; ten batches of one image of class 1."""
    head = PrototypeAwareCAMHead(CLASSES, projection=IDENTITY, tau=0.4, bank={'length': 20})
    head.double()
    features = torch.randn(10, CHANNELS, HEIGHT, WIDTH, dtype=F64)
    cam = torch.ones(1, CLASSES, HEIGHT, WIDTH, dtype=F64)
    for one in features.split(1):
        output = CAMOutput((one,), cam, torch.ones(1, 1, HEIGHT, WIDTH, dtype=F64))
        head.collect(output, torch.tensor([[0, 1, 0, 0]]))
    moment = torch.zeros(CHANNELS, dtype=F64)
    for one in features.mean((2, 3)):
        moment = 0.99 * moment + 0.01 * one
    expected = moment / (1 - 0.99**10)
    torch.testing.assert_close(head.instance_mean.mean[1], expected)
    torch.testing.assert_close(head.feature_mean.mean[0], expected)


def test_the_loss_weight_is_a_factor():
    output, label = make_scene()
    one, half = (make_head(loss_weight=w).loss(output, label)['loss_self'] for w in (1.0, 0.5))
    torch.testing.assert_close(0.5 * one, half)


def test_loss_and_collect_take_in_the_same():
    output, label = make_scene()
    heads = make_head(), make_head()
    heads[0].loss(output, label)
    heads[1].collect(output, label)
    for name, value in heads[0].state_dict().items():
        assert value.equal(heads[1].state_dict()[name]), name
    bank = heads[0].bank
    assert bank.count.tolist() == [1, 2, 1, 1]  # image 2 has no instance; raw and in image order
    anchors = NaiveCPAL(make_head(), output, label, frozen=True).anchors
    torch.testing.assert_close(bank.entries[1, :2].tolist(), [anchors[0, 1], anchors[1, 1]])


def test_the_batch_is_the_concatenation_of_its_images():
    output, label = make_scene()
    maps = make_head().predict(output, label)
    for b in range(IMAGES):
        part = slice(b, b + 1)
        alone = CAMOutput((output.features[0][part],), output.cam[part], output.valid[part])
        torch.testing.assert_close(make_head().predict(alone, label[part]), maps[part])


def test_a_batch_without_any_instance_is_harmless():
    output, label = make_scene()
    head = make_head(center=True)
    before = copy.deepcopy(head.state_dict())
    loss = head.loss(output, torch.zeros_like(label))['loss_self']
    assert loss == 0
    loss.backward()
    assert not output.cam.grad.any()
    for name, value in head.state_dict().items():
        if not name.startswith('feature_mean'):
            assert value.equal(before[name]), name


@pytest.mark.parametrize('dtype', [torch.float32, F64])
def test_a_restored_head_goes_on_to_the_bit(dtype):
    output, label = make_scene()
    tensors = (tensor.to(dtype) for tensor in (output.cam, output.valid))
    output = CAMOutput((output.features[0].to(dtype),), *tensors)
    options = {'num_neighbors': 2, 'center': True, 'tau': 0.4}
    bank = {'length': 2, 'num_prototypes': 3}
    head, restored = (
        PrototypeAwareCAMHead(CLASSES, projection=IDENTITY, bank=bank, **options).to(dtype)
        for _ in range(2)
    )
    for _ in range(2):
        head.loss(output, label)
    head.update_context_prototypes(seed=3)
    restored.load_state_dict(copy.deepcopy(head.state_dict()))
    results = []
    for each in (head, restored):
        losses = [each.loss(output, label)['loss_self'] for _ in range(2)]
        each.update_context_prototypes(seed=4)
        results.append([*losses, *each.state_dict().values()])
    for first, second in zip(*results, strict=True):
        assert first.equal(second)
    assert results[0][0] > 0


def test_the_defaults_are_those_of_the_paper():
    head = PrototypeAwareCAMHead(2, projection=IDENTITY)
    settings = head.settings
    assert (settings.tau, settings.num_neighbors, settings.loss_weight) == (0.1, 20, 1.0)
    assert head.bank.length == 1000
    assert head.bank.context.shape[1] == 50


@pytest.mark.parametrize('options', [{}, {'center': True, 'positiveness': 'cosine'}])
def test_an_explanation_is_what_the_pacam_is_made_of(options):
    head = make_head(**options)
    output, label = make_scene()
    found = head.explain(output, label)
    pairs = list(zip(found.image_index.tolist(), found.class_index.tolist(), strict=True))
    assert pairs == [(0, 0), (0, 1), (1, 1), (1, 2)]  # class 3 has no context, image 2 no instance
    pacam = head.predict(output, label)
    middle = head.feature_mean.mean[0] * head.settings.center
    z = output.features[0].detach() - middle[:, None, None]
    for m, (image, owner) in enumerate(pairs):
        assert float(found.weight[m].sum()) == pytest.approx(1)
        assert not found.maps[m, CONTEXTS[owner] :].any()
        total = torch.zeros(HEIGHT, WIDTH, dtype=F64)
        for place in range(CONTEXTS[owner]):
            prototype = (head.bank.context[owner, place] - middle).tolist()
            for y, x in ((y, x) for y in range(HEIGHT) for x in range(WIDTH)):
                inside = float(output.valid[image, 0, y, x])
                value = cosine(z[image, :, y, x].tolist(), prototype) * inside
                assert float(found.maps[m, place, y, x]) == pytest.approx(max(value, 0))
                total[y, x] += found.weight[m, place] * value
        torch.testing.assert_close(total.clamp(min=0), pacam[image, owner])


def test_an_explanation_has_shifted_anchors():
    output, label = make_scene()
    plain, shifted = (make_head(statistic=s).explain(output, label) for s in ('none', 'ema'))
    head = make_head()
    for m, owner in enumerate(plain.class_index.tolist()):
        mean_context = head.bank.context[owner, : CONTEXTS[owner]].mean(dim=0)
        shift = mean_context - head.instance_mean.mean[owner]
        torch.testing.assert_close(shifted.anchor[m] - plain.anchor[m], shift)
