import pytest
import torch
from clip_models import build, run

from mmwsss.functional.cam import classification_loss

pytest.importorskip('open_clip')


def make(head='mmwsss.CLIPESAdapterHead'):
    vectors = torch.randn(6, 16, generator=torch.Generator().manual_seed(0))
    return build(vectors=vectors, head=head)


def test_it_begins_as_the_host():
    torch.manual_seed(0)
    images, labels = torch.randn(2, 3, 24, 16), [[1, 0, 1, 0], [0, 1, 0, 0]]
    adapter = run(make(), images, labels)
    host = run(make('mmwsss.CLIPESHead'), images, labels)
    torch.testing.assert_close(adapter.features[-1], adapter.vectors)
    assert adapter.features[-1].requires_grad and not adapter.cam.requires_grad
    torch.testing.assert_close(adapter.vectors, host.vectors)
    torch.testing.assert_close(adapter.raw, host.raw)


def test_logits_are_the_classified_mean():
    torch.manual_seed(0)
    model = make()
    label = torch.tensor([[1, 0, 0, 1]])
    output = run(model, torch.randn(1, 3, 24, 16), label.tolist())
    mean = output.features[-1][0].flatten(1).mean(dim=1)
    expected = model.cam_head.classifier.weight[:, :, 0, 0] @ mean
    torch.testing.assert_close(output.logits[0], expected)
    losses = model.cam_head.loss(output, label)
    torch.testing.assert_close(losses['loss_cls'], classification_loss(output.logits, label))


def test_only_adapter_and_classifier_learn():
    model = make()
    assert [n for n, p in model.named_parameters() if p.requires_grad] == [
        'cam_head.adapter.weight',
        'cam_head.classifier.weight',
    ]
    label = torch.tensor([[1, 0, 0, 0]])
    output = model.cam_head(
        model.backbone(torch.randn(1, 3, 16, 16)), torch.ones(1, 1, 16, 16), label
    )
    model.cam_head.loss(output, label)['loss_cls'].backward()
    assert model.cam_head.adapter.weight.grad.any()


def test_the_loss_weight_is_a_factor():
    vectors = torch.randn(6, 16, generator=torch.Generator().manual_seed(0))
    half = build(vectors=vectors, head='mmwsss.CLIPESAdapterHead', loss_weight=0.5).cam_head
    model, label = make(), torch.tensor([[1, 0, 0, 1]])
    output = run(model, torch.randn(1, 3, 24, 16), label.tolist())
    whole = model.cam_head.loss(output, label)['loss_cls']
    torch.testing.assert_close(half.loss(output, label)['loss_cls'], 0.5 * whole)


def test_a_checkpoint_of_other_classes_is_refused():
    head = make().cam_head
    state = {**head.state_dict(), 'classifier.weight': torch.zeros(3, 16, 1, 1)}
    with pytest.raises(ValueError, match='3 classes and the model 4'):
        head.load_state_dict(state)
