import pytest
import torch

from mmwsss.functional.rsc import REGION_WEIGHTS, RSC_NEGATIVES, region_embeddings
from mmwsss.models.losses import RSCLoss
from mmwsss.registry import MODELS

CLASSES = 3


def scene(images=2, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(images, 5, 4, 6, generator=generator, dtype=dtype, requires_grad=True)
    scores = torch.randn(images, 1 + CLASSES, 4, 6, generator=generator, dtype=dtype) * 3
    prototypes = torch.randn(CLASSES, 5, generator=generator, dtype=dtype)
    present = torch.tensor([[1, 0, 1], [1, 1, 0], [0, 0, 0], [0, 1, 0]])[:images] > 0
    return embedding, scores.requires_grad_(), prototypes, present, torch.ones(images, 1, 32, 48)


@pytest.mark.parametrize('negatives', RSC_NEGATIVES)
@pytest.mark.parametrize('kind', REGION_WEIGHTS)
def test_the_loss_is_the_mean_over_the_pairs(kind, negatives):
    embedding, scores, prototypes, present, valid = scene()
    valid[1, :, :, 24:] = 0  # three of six columns
    grid = torch.ones(2, 1, 4, 6)
    grid[1, :, :, 3:] = 0
    weights = REGION_WEIGHTS[kind](scores, grid)[:, 1:]
    regions = region_embeddings(embedding, weights)
    total, _ = RSC_NEGATIVES[negatives](regions, prototypes, present, 0.2)
    module = RSCLoss(temperature=0.2, weights=kind, negatives=negatives)
    loss = module(embedding, scores, prototypes, present, valid)
    torch.testing.assert_close(loss, total / 4)
    half = RSCLoss(loss_weight=0.5, temperature=0.2, weights=kind, negatives=negatives)
    torch.testing.assert_close(half(embedding, scores, prototypes, present, valid), total / 4 / 2)


def test_embedding_and_scores_both_learn():
    embedding, scores, *rest = scene()
    RSCLoss()(embedding, scores, *rest).backward()
    assert embedding.grad.any()
    assert scores.grad.any()


def test_no_class_at_all_is_zero_with_a_graph():
    embedding, scores, prototypes, present, valid = scene()
    loss = RSCLoss()(embedding, scores, prototypes, present & False, valid)
    loss.backward()
    assert loss == 0
    assert not embedding.grad.any()


def test_under_autocast_the_contrast_is_exact():
    embedding, scores, prototypes, present, valid = scene(dtype=torch.float32)
    embedding = embedding.detach().bfloat16()
    expected = RSCLoss()(embedding.float(), scores, prototypes, present, valid)
    with torch.autocast('cpu', torch.bfloat16):
        loss = RSCLoss()(embedding, scores, prototypes, present, valid)
    assert loss.dtype == torch.float32
    assert loss.equal(expected)


def test_name_and_weights():
    module = MODELS.build({'type': 'mmwsss.RSCLoss', 'loss_name': 'loss_x'})
    assert module.loss_name == 'loss_x'
    assert RSCLoss().loss_name == 'loss_rsc'
    assert (RSCLoss().temperature, RSCLoss().loss_weight) == (0.07, 1.0)
    assert (RSCLoss().weights, RSCLoss().negatives) == ('softmax', 'absent')
    with pytest.raises(ValueError, match="weights is 'relu'; choose one of softmax, raw"):
        RSCLoss(weights='relu')
    with pytest.raises(ValueError, match="negatives is 'all'; choose one of absent, own_region"):
        RSCLoss(negatives='all')


def test_negatives_may_be_named_and_one_pair_counts_once():
    embedding, scores, prototypes, _, valid = scene()
    present = torch.tensor([[1, 0, 0], [0, 1, 0]]) > 0
    absent = torch.tensor([[0, 1, 0], [0, 0, 0]]) > 0
    weights = REGION_WEIGHTS['softmax'](scores, torch.ones(2, 1, 4, 6))[:, 1:]
    regions = region_embeddings(embedding, weights)
    for named in (None, absent):
        total, count = RSC_NEGATIVES['absent'](regions, prototypes, present, 0.2, named)
        loss = RSCLoss(temperature=0.2)(embedding, scores, prototypes, present, valid, named)
        torch.testing.assert_close(loss, total / 2)
    whole = RSCLoss(temperature=0.2)(embedding, scores, prototypes, present, valid)
    assert not torch.isclose(loss, whole)
    present[1] = False
    negatives = torch.tensor([[0, 0, 0], [1, 0, 0]]) > 0
    total, count = RSC_NEGATIVES['absent'](regions, prototypes, present, 0.2, negatives)
    assert count == 1 and total > 0
    one = RSCLoss(temperature=0.2)(embedding, scores, prototypes, present, valid, negatives)
    torch.testing.assert_close(one, total)
