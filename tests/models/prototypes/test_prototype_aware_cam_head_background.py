"""CPAL with a prototype of the background: the head against plain loops, and its seeds."""

import math

import numpy as np
import pytest
import torch
from mmseg.structures import SegDataSample

from mmwsss.functional import cpal
from mmwsss.functional.cam import background_map, normalize_by_max
from mmwsss.models.prototypes import PrototypeAwareCAMHead
from mmwsss.models.views import Views
from mmwsss.seeds.files import Seed
from mmwsss.seeds.refine import RefineSettings, refine_seed
from mmwsss.structures import CAMOutput

F64 = torch.float64
IMAGES, CLASSES, CHANNELS, HEIGHT, WIDTH = 2, 3, 4, 3, 5
CONTEXTS = (2, 3, 0, 3)  # of the background and of each class
LABEL = torch.tensor([[1, 1, 1], [0, 0, 1]])
READING = {
    'instances': 'ownership',
    'background': 'prototype',
    'positiveness': 'cosine',
    'temperature': 0.05,
    'center': True,
    'stop_grad': 'pacam',
    'num_neighbors': 2,
    'tau': 0.3,
}
OPTIONS = [
    {},
    {'background_from': 'bank'},
    {'instances': 'threshold'},
    {'center': False},
    {'positiveness': 'dot', 'standardize': True, 'temperature': 1.0},
]


def make_head(**options):
    generator = torch.Generator().manual_seed(0)
    head = PrototypeAwareCAMHead(
        CLASSES,
        {'type': 'mmwsss.IdentityProjection', 'in_channels': CHANNELS},
        bank={'length': 6, 'num_prototypes': 3},
        **{**READING, **options},
    ).double()
    for n, number in enumerate(CONTEXTS[: len(head.bank.count)]):
        head.bank.context[n, :number] = torch.randn(number, CHANNELS, generator=generator)
        head.bank.context[n, number:] = 1e3  # must never be read
        head.bank.context_count[n] = number
    for running in (head.instance_mean, head.feature_mean):
        running.mean.copy_(0.5 * torch.randn(running.mean.shape, generator=generator))
        running.updates.fill_(10_000)
    return head


def make_scene():
    generator = torch.Generator().manual_seed(1)
    valid = torch.ones(IMAGES, 1, HEIGHT, WIDTH, dtype=F64)
    valid[1, :, :, 3:] = 0
    cam = torch.rand(IMAGES, CLASSES, HEIGHT, WIDTH, generator=generator, dtype=F64) ** 3 * valid
    features = torch.randn(IMAGES, CHANNELS, HEIGHT, WIDTH, generator=generator, dtype=F64)
    return CAMOutput((features.requires_grad_(),), cam.requires_grad_(), valid)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def cosine(a, b):
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def mean(rows):
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def minus(a, b):
    return [x - y for x, y in zip(a, b, strict=True)]


class Naive:
    """The maps of one image with frozen statistics, in plain Python numbers."""

    def __init__(self, head, output, b):
        self.o, self.b = head.settings, b
        self.context = [head.bank.context[n, :number].tolist() for n, number in enumerate(CONTEXTS)]
        self.running = head.instance_mean.mean.tolist()
        self.center = (head.feature_mean.mean[0] * head.settings.center).tolist()
        z, cam = output.features[0].detach()[b], output.cam.detach()[b]
        self.places = [
            (y, x) for y in range(HEIGHT) for x in range(WIDTH) if output.valid[b, 0, y, x]
        ]
        self.z = {place: z[:, place[0], place[1]].tolist() for place in self.places}
        self.maps = {}
        for y, x in self.places:
            values = [float(c) * int(n) for c, n in zip(cam[:, y, x], LABEL[b], strict=True)]
            self.maps[y, x] = [1 - max(values), *values]
        self.present = [0, *(n + 1 for n in range(CLASSES) if LABEL[b, n])]

    def owner(self, place):
        """Step 1 of the reading: the map whose soft overlap is largest."""
        own = minus(self.z[place], self.center)
        like = {j: max(cosine(own, minus(self.z[j], self.center)), 0) for j in self.places}
        overlap = {}
        for n in self.present:
            shared = sum(like[j] * self.maps[j][n] for j in self.places)
            union = sum(like.values()) + sum(self.maps[j][n] for j in self.places) - shared
            overlap[n] = shared / union * (0.5 if n == 0 else 1)
        return max(overlap, key=overlap.get)

    def instance(self, n):
        if self.o.instances == 'ownership':
            rows = [self.z[j] for j in self.places if self.owner(j) == n]
        else:
            rows = [self.z[j] for j in self.places if self.maps[j][n] > self.o.tau]
        return mean(rows) if rows else None

    def direction(self, n):
        """Step 3: the weighted sum of unit prototypes; a unit vector for the background."""
        anchor = self.instance(n)
        if n == 0 and self.o.background_from == 'image':
            vector = minus(anchor, self.center)
        else:
            shift = minus(mean(self.context[n]), self.running[n])
            anchor = [a + s for a, s in zip(anchor, shift, strict=True)]
            centred = [minus(p, self.center) for p in self.context[n]]
            similar = [cosine(minus(anchor, self.center), p) for p in centred]
            score = similar
            if self.o.positiveness == 'dot':
                score = [dot(anchor, p) for p in self.context[n]]
            if self.o.standardize:
                average = sum(score) / len(score)
                spread = math.sqrt(sum((s - average) ** 2 for s in score) / len(score))
                score = [(s - average) / spread for s in score]
            power = [math.exp(s / self.o.temperature) for s in score]
            power = [w / sum(power) for w in power]
            ranking = [w * s if s > 0 else s for w, s in zip(power, similar, strict=True)]
            best = sorted(range(len(power)), key=lambda i: -ranking[i])[: self.o.num_neighbors]
            total = sum(power[i] for i in best)
            vector = [0.0] * CHANNELS
            for i in best:
                length = math.sqrt(dot(centred[i], centred[i]))
                vector = [
                    v + power[i] / total * c / length
                    for v, c in zip(vector, centred[i], strict=True)
                ]
        if n == 0:
            vector = [v / math.sqrt(dot(vector, vector)) for v in vector]
        return vector

    def cosines(self):
        """Channel -> place -> cosine of any sign; channels without context are left out."""
        found = {}
        for n in self.present:
            own = n == 0 and self.o.background_from == 'image'
            if self.instance(n) is None or not (own or self.context[n]):
                continue
            vector = self.direction(n)
            found[n] = {}
            for j in self.places:
                pixel = minus(self.z[j], self.center)
                found[n][j] = dot(pixel, vector) / math.sqrt(dot(pixel, pixel))
        return found


@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_the_cosines_of_a_view_in_plain_loops(options):
    head, output = make_head(**options), make_scene()
    maps = head.predict(output, LABEL)
    expected = torch.zeros(IMAGES, CLASSES + 1, HEIGHT, WIDTH, dtype=F64)
    for b in range(IMAGES):
        for n, values in Naive(head, output, b).cosines().items():
            for (y, x), value in values.items():
                expected[b, n, y, x] = value
    torch.testing.assert_close(maps, expected)
    assert maps.min() < 0  # views are averaged before the ReLU
    assert maps[:, 0].any()
    assert not maps[:, 2].any()  # the class without context prototypes


@pytest.mark.parametrize('options', [{}, {'background_from': 'bank'}], ids=str)
def test_the_loss_in_plain_loops(options):
    head, output = make_head(**options, momentum=0.0), make_scene()
    head._take_in = lambda *unused: (None, None)  # statistics as they are
    loss = head.loss(output, LABEL)['loss_self']
    total = pixels = 0
    for b in range(IMAGES):
        naive = Naive(head, output, b)
        cosines = naive.cosines()
        classes = [n for n in cosines if n]
        for j in naive.places:
            pixels += 1
            ground = 1 - max(naive.maps[j][n] for n in classes)
            total += abs(ground - max(cosines[0][j], 0))
            total += sum(abs(naive.maps[j][n] - max(cosines[n][j], 0)) for n in classes)
    torch.testing.assert_close(loss.item(), total / ((CLASSES + 1) * pixels))
    loss.backward()
    assert output.cam.grad.any()
    assert output.features[0].grad is None or not output.features[0].grad.any()  # detached cosines


def test_the_options_are_told_apart():
    maps = [make_head(**options).predict(make_scene(), LABEL) for options in OPTIONS]
    for i, first in enumerate(maps):
        assert not any(torch.allclose(first, other) for other in maps[:i])


def test_views_are_averaged_before_the_positive_part_is_taken():
    first, second = torch.tensor([[[0.2]], [[-0.6]]]), torch.tensor([[[0.4]], [[0.8]]])
    views = Views([first, second], (1, 1), (1, 1), [2], SegDataSample())
    pacam, ground = make_head().merge_views(views)
    torch.testing.assert_close(pacam, torch.tensor([[[0.1 / 0.4]]]))  # not 0.4 / 0.7
    torch.testing.assert_close(ground, torch.tensor([[0.3 / 0.4]]))


def mask_of(head, output):
    """The mask of the second image, by plain argmax."""
    maps = head.predict(output, LABEL)[1]
    if head.has_background:
        views = Views([maps[[0, 3]]], (HEIGHT, WIDTH), (HEIGHT, WIDTH), [2], SegDataSample())
        pacam, ground = head.merge_views(views)
    else:
        pacam = normalize_by_max(maps[[2]])
        ground = 1 - pacam[0]
    seed = Seed(
        np.array([2]),
        pacam.numpy(),
        (HEIGHT, WIDTH),
        pacam.numpy(),
        pacam_background=ground.numpy(),
    )
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    return refine_seed(image, seed, RefineSettings('pacam', None, crf=None))[0]


def test_a_prototype_of_the_background_changes_the_seeds():
    """The same class prototypes, another background: a background that looks like the class wins.

    With one minus the maximum the most similar pixel is an object, whatever the rest looks like.
    """
    head, output = make_head(background_from='bank'), make_scene()
    before = mask_of(head, output)
    assert before.any()
    head.bank.context[0] = head.bank.context[3]
    head.instance_mean.mean[0] = head.instance_mean.mean[3]
    after = mask_of(head, output)
    assert (after != before).any()
    plain = make_head(background='one_minus_max')
    plain.bank.context.copy_(head.bank.context[1:])
    plain.bank.context_count.copy_(head.bank.context_count[1:])
    assert (mask_of(plain, output) != after).any()


def test_the_bank_holds_the_background_too():
    head = make_head()
    head.collect(make_scene(), LABEL)
    assert head.bank.count[0] == IMAGES
    head.update_context_prototypes(seed=0)
    assert head.bank.context_count[0] == IMAGES


def test_a_bank_that_is_filled_anew_knows_nothing_of_the_time_before():
    used, fresh = make_head(momentum=0.9), make_head(momentum=0.9)
    other = make_scene()
    used.collect(CAMOutput((other.features[0] + 3,), other.cam, other.valid), LABEL)
    used.forget()
    fresh.bank.count.zero_()
    for running in (fresh.instance_mean, fresh.feature_mean):
        running.mean.zero_()
        running.updates.zero_()
    for head in (used, fresh):
        head.collect(make_scene(), LABEL)
        head.update_context_prototypes(seed=0)
    torch.testing.assert_close(
        used.predict(make_scene(), LABEL), fresh.predict(make_scene(), LABEL)
    )


def test_before_the_first_clustering_there_is_no_loss():
    head = make_head()
    head.bank.context_count.zero_()
    assert head.loss(make_scene(), LABEL)['loss_self'] == 0


def test_an_image_without_a_pixel_of_background_has_no_term_for_it():
    head, output = make_head(instances='threshold', tau=0.2), make_scene()
    full = CAMOutput(output.features, 0.9 * output.valid.expand_as(output.cam), output.valid)
    maps = head.predict(full, LABEL)
    assert not maps[:, 0].any()  # 0.1 is not over tau
    head._take_in = lambda *unused: (None, None)
    loss = head.loss(full, LABEL)['loss_self']
    found = maps[:, [1, 3]].clamp(min=0)
    chosen = LABEL[:, [0, 2], None, None] * output.valid
    expected = ((0.9 - found).abs() * chosen).sum() / (4 * output.valid.sum())
    torch.testing.assert_close(loss, expected)


def test_the_background_of_an_image_is_not_shifted():
    """It is its own context: there is nothing that it should be aligned with."""
    maps = {
        where: make_head(apply_to=where).predict(make_scene(), LABEL)
        for where in ('anchor', 'feature', 'both')
    }
    for where in ('feature', 'both'):
        torch.testing.assert_close(maps[where][:, 0], maps['anchor'][:, 0])
        assert not torch.allclose(maps[where][:, 1:], maps['anchor'][:, 1:])


def test_without_the_options_the_head_is_the_equations_of_the_paper_to_the_bit():
    head = make_head(
        instances='threshold', background='one_minus_max', positiveness='dot', temperature=1.0,
        center=False, stop_grad='none', num_neighbors=2,
    )  # fmt: skip
    output, z = make_scene(), make_scene().features[0]
    head._take_in = lambda *unused: (None, None)
    image, label = LABEL.nonzero(as_tuple=True)
    anchor, found = cpal.instance_prototypes(z, output.cam[image, label].detach(), image, 0.3)
    kept = found & (head.bank.context_count[label] > 0)
    image, label, anchor = image[kept], label[kept], anchor[kept].detach()
    context, number = head.bank.context[label], head.bank.context_count[label]
    filled = torch.arange(3) < number[:, None]
    anchor = anchor + cpal.alignment_shift(context, filled, head.instance_mean.mean[label])
    weight = cpal.positiveness(cpal.dot_score(anchor, context), filled)
    ranking = cpal.neighbor_ranking(weight, cpal.cosine_score(anchor, context))
    weight = weight * cpal.soft_neighbors(ranking, filled, 2)
    maps = cpal.prototype_aware_cam(z, cpal.neighbor_direction(context, weight), image)
    pacam = torch.zeros(IMAGES, CLASSES, HEIGHT, WIDTH, dtype=F64)
    pacam = pacam.index_put((image, label), maps) * output.valid
    assert head.predict(output, LABEL).equal(pacam)
    selected = torch.zeros(IMAGES, CLASSES, dtype=F64)
    selected[image, label] = 1
    pacam = normalize_by_max(pacam)
    host, own = (
        torch.cat([background_map(maps, selected)[:, None], maps], dim=1)
        for maps in (output.cam, pacam)
    )
    total, count = cpal.consistency_terms(host, own, selected, output.valid)
    assert head.loss(output, LABEL)['loss_self'].equal(total / count)


@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_an_explanation_is_of_the_classes_alone(options):
    head, output = make_head(**options), make_scene()
    found = head.explain(output, LABEL)
    pairs = list(zip(found.image_index.tolist(), found.class_index.tolist(), strict=True))
    naive = [Naive(head, output, b) for b in range(IMAGES)]
    expected = [
        (b, n - 1) for b, one in enumerate(naive) for n in one.present if n and one.instance(n)
    ]
    assert pairs == [pair for pair in expected if CONTEXTS[pair[1] + 1]] and len(pairs) > 1
    maps = head.predict(output, LABEL)
    for m, (b, n) in enumerate(pairs):
        torch.testing.assert_close(found.instance[m].tolist(), naive[b].instance(n + 1))
        total = torch.einsum('p,phw->hw', found.weight[m], found.maps[m])
        assert float(found.weight[m].sum()) == pytest.approx(1)
        # the positive parts of the cosines are not less than the positive part of their sum
        assert (total - maps[b, n + 1].clamp(min=0)).min() > -1e-9


def test_an_explanation_weighs_by_the_instance_where_the_features_are_shifted():
    output = make_scene()
    weights = {
        where: make_head(apply_to=where, num_neighbors=None).explain(output, LABEL).weight
        for where in ('feature', 'anchor', 'both')
    }
    unshifted = make_head(statistic='none', num_neighbors=None).explain(output, LABEL)
    torch.testing.assert_close(weights['feature'], unshifted.weight)
    torch.testing.assert_close(weights['anchor'], weights['both'])
    assert not torch.allclose(weights['anchor'], unshifted.weight)


@pytest.mark.parametrize('momentum', [0.0, 0.5])
def test_what_is_taken_in_with_a_background(momentum):
    head, output = make_head(momentum=momentum), make_scene()
    naive = [Naive(head, output, b) for b in range(IMAGES)]
    before = head.instance_mean.mean.clone(), head.feature_mean.mean.clone()
    head.loss(output, LABEL)
    for n in range(CLASSES + 1):
        rows = [one.instance(n) for one in naive if n in one.present]
        rows = [row for row in rows if row]
        assert head.bank.count[n] == len(rows)
        torch.testing.assert_close(head.bank.entries[n, : len(rows)].tolist(), rows)
        if rows:
            moved = momentum * before[0][n] + (1 - momentum) * torch.tensor(mean(rows), dtype=F64)
            torch.testing.assert_close(head.instance_mean.mean[n], moved)
    pixels = [one.z[place] for one in naive for place in one.places]
    moved = momentum * before[1][0] + (1 - momentum) * torch.tensor(mean(pixels), dtype=F64)
    torch.testing.assert_close(head.feature_mean.mean[0], moved)


def test_the_background_of_the_host_may_be_over_all_classes():
    """The same as over those with a PACAM, but where an absent class is stronger."""
    losses = []
    for over in ('present', 'all'):
        head, output = make_head(background_over=over), make_scene()
        head._take_in = lambda *unused: (None, None)
        losses.append(head.loss(output, LABEL)['loss_self'])
        maps = head.predict(output, LABEL)
    chosen = maps[:, 1:].flatten(2).any(dim=2)[:, :, None, None]  # with a PACAM
    assert not chosen.all() and chosen.flatten(1).any(dim=1).all()
    cam = output.cam.detach()
    change = sum(
        sign * (1 - cams.amax(1) - maps[:, 0].clamp(min=0)).abs() * output.valid[:, 0]
        for sign, cams in ((1, cam), (-1, cam * chosen))
    )
    expected = losses[0] + change.sum() / ((CLASSES + 1) * output.valid.sum())
    torch.testing.assert_close(losses[1], expected)
