import pytest
import torch
from clip_models import NaiveCLIP, build, naive_boxes, naive_clip_es, run

from mmwsss.models.backbones import frozen_clip
from mmwsss.registry import MODELS

pytest.importorskip('open_clip')


@pytest.mark.parametrize('border', [True, False])
def test_maps_are_those_of_the_published_procedure(border):
    torch.manual_seed(1)
    images, vectors = torch.randn(2, 3, 40, 56), torch.randn(6, 16)
    labels = [[1, 0, 1, 1], [0, 1, 0, 0]]
    # as sure as probabilities in float64 and the published additions to maxima allow
    model = build(vectors=vectors, box_border=border, logit_scale=30.0)
    with torch.no_grad():
        output = run(model, images, labels)
    clip = NaiveCLIP({f'visual.{k}': v for k, v in model.backbone.visual.state_dict().items()})
    for index, label in enumerate(labels):
        present = [n for n, one in enumerate(label) if one]
        expected = naive_clip_es(
            clip, images[index].double(), vectors.double(), present, 4, 3, 0.4, border, 30.0
        )
        for n in range(4):
            cam, raw = expected.get(n, (torch.zeros(5, 7).double(),) * 2)
            close = {'rtol': 1e-4, 'atol': 1e-5}
            torch.testing.assert_close(output.cam[index, n].double(), cam, **close)
            torch.testing.assert_close(output.raw[index, n].double(), raw, **close)


def test_patch_vectors_are_those_of_the_image_score():
    model = build(vectors=torch.randn(6, 16))
    images = torch.randn(1, 3, 16, 24)
    with torch.no_grad():
        output = run(model, images, [[1, 0, 0, 0]])
    clip = NaiveCLIP({f'visual.{k}': v for k, v in model.backbone.visual.state_dict().items()})
    x, _, _ = clip.before_last(images[0].double())
    last, _ = clip.block(3, x)
    vectors = clip.norm(last, 'visual.ln_post')[1:] @ clip.state['visual.proj']
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    found = output.vectors[0].flatten(1).T.double()
    torch.testing.assert_close(found, vectors, rtol=1e-4, atol=1e-5)
    assert output.features[-1] is output.vectors
    image = clip.image_vector(last)
    texts = model.cam_head.text.vectors.double()
    cosine = (texts @ image / image.norm())[:4]
    torch.testing.assert_close(output.logits[0].double(), 100 * cosine, rtol=1e-4, atol=1e-3)


def test_an_image_without_a_class_has_empty_maps():
    model = build(vectors=torch.randn(6, 16))
    with torch.no_grad():
        output = run(model, torch.randn(1, 3, 16, 16), [[0, 0, 0, 0]])
    assert not output.cam.any() and not output.raw.any()


def test_nothing_keeps_a_graph_or_learns():
    model = build(vectors=torch.randn(6, 16))
    output = run(model, torch.randn(1, 3, 16, 16), [[1, 0, 0, 1]])
    assert not output.cam.requires_grad and not output.raw.requires_grad
    assert not output.vectors.requires_grad
    assert not [p for p in model.parameters() if p.requires_grad]
    assert model.cam_head.loss(output, torch.tensor([[1, 0, 0, 1]])) == {}


def test_without_labels_there_are_no_maps():
    model = build(vectors=torch.randn(6, 16))
    with pytest.raises(ValueError, match='labelled with'):
        model.compute_cam(torch.randn(1, 3, 16, 16))


def test_a_plugin_is_fused_before_the_attention_spreads_it():
    model = build(vectors=torch.randn(6, 16), box_threshold=0.0)
    with torch.no_grad():
        output = run(model, torch.randn(1, 3, 24, 24), [[1, 0, 0, 0]])
    pacam = torch.rand_like(output.cam)
    refined = model.cam_head.refine_pacam(output, pacam)
    total = output.cam[0, 0] + pacam[0, 0] / (pacam[0, 0].max() + 1e-5)
    total = (total - total.min()) / (total.max() - total.min())
    expected = output.affinity[0] @ (total * naive_boxes(total, 0.0, True)).flatten()
    torch.testing.assert_close(refined[0, 0].flatten(), expected, rtol=1e-4, atol=1e-5)


def test_padding_is_refused():
    model = build(vectors=torch.randn(6, 16))
    valid = torch.ones(1, 1, 16, 16)
    valid[..., 8:] = 0
    features = model.backbone(torch.randn(1, 3, 16, 16))
    with pytest.raises(ValueError, match='batch_size to 1'):
        model.cam_head(features, valid, torch.tensor([[1, 0, 0, 0]]))


def test_a_class_that_is_very_sure_keeps_its_map():
    torch.manual_seed(0)
    images, vectors = torch.randn(1, 3, 24, 24), torch.randn(6, 16)
    model = build(vectors=vectors, logit_scale=1000.0)
    with torch.no_grad():
        output = run(model, images, [[1, 1, 0, 0]])
    assert output.cam[0, :2].amax(dim=(1, 2)).min() > 0.99


class Recording(torch.nn.Module):
    """Prototypes that keep what they are given, in the place of VPL's."""

    def __init__(self):
        super().__init__()
        self.vectors, self.text, self.collected = torch.zeros(6, 16), None, []

    def set_text(self, vectors):
        self.text = vectors

    def collect(self, *batch):
        self.collected.append(batch)


def test_prototypes_may_take_the_place_of_the_texts_and_are_handed_the_maps():
    torch.manual_seed(1)
    images, label = torch.randn(2, 3, 24, 40), [[1, 0, 1, 0], [0, 1, 0, 0]]
    text, learnt = torch.randn(2, 6, 16)
    model, own = build(vectors=text), Recording()
    own.vectors = torch.nn.functional.normalize(learnt, dim=1)
    plain = run(model, images, label)
    assert model.cam_head.collect(plain, torch.tensor(label)) is None
    model.cam_head.prototypes = own
    output = run(model, images, label)
    assert own.text is model.cam_head.text.vectors
    expected = run(build(vectors=learnt), images, label)
    torch.testing.assert_close(output.cam, expected.cam)
    torch.testing.assert_close(output.logits, expected.logits)
    assert not torch.allclose(output.cam, plain.cam)
    model.cam_head.collect(output, torch.tensor(label))
    ((vectors, cam, labels, valid),) = own.collected
    assert vectors is output.vectors and cam is output.cam and valid is output.valid
    assert labels.tolist() == label


def test_prototypes_come_from_their_config():
    prototypes = {
        'type': 'mmwsss.VisionPrototypes',
        'num_classes': 4,
        'num_background': 2,
        'embed_dims': 16,
    }
    model = build(prototypes=prototypes, vectors=torch.randn(6, 16))
    run(model, torch.randn(1, 3, 16, 16), [[1, 0, 0, 1]])
    torch.testing.assert_close(model.cam_head.prototypes.text, model.cam_head.text.vectors)


def test_what_a_config_may_leave_out_and_what_it_may_say():
    defaults = MODELS.build(
        {'type': 'mmwsss.CLIPESHead', 'num_classes': 20, 'box_threshold': 0.5, 'sinkhorn_rounds': 2}
    )
    assert (defaults.logit_scale, defaults.box_border) == (100, True)
    assert (defaults.box_threshold, defaults.sinkhorn_rounds) == (0.5, 2)
    assert defaults.text.vectors.shape == (45, 512)
    images, vectors = torch.randn(1, 3, 24, 40), torch.randn(6, 16)
    found = run(build(vectors=vectors), images, [[1, 0, 0, 1]])
    told = build(vectors=vectors, sinkhorn_rounds=3, box_threshold=0.4, box_border=True)
    assert run(told, images, [[1, 0, 0, 1]]).raw.equal(found.raw)
    told = build(vectors=vectors, sinkhorn_rounds=1)
    assert not torch.allclose(run(told, images, [[1, 0, 0, 1]]).affinity, found.affinity)


def test_heads_that_are_computed_apart_give_the_same_maps(monkeypatch):
    model = build(vectors=torch.randn(6, 16))
    images, labels = torch.randn(2, 3, 24, 40), [[1, 0, 1, 0], [0, 1, 1, 1]]
    together = run(model, images, labels)
    monkeypatch.setattr(frozen_clip, '_WEIGHTS_AT_ONCE', 1)
    apart = run(model, images, labels)
    for found, expected in ((apart.cam, together.cam), (apart.raw, together.raw)):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
