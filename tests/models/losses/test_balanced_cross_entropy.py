import pytest
import torch
import torch.nn.functional as F

from mmwsss.functional.segmentation import balanced_cross_entropy_terms
from mmwsss.models.losses import BalancedCrossEntropyLoss
from mmwsss.registry import MODELS


def naive(logits, target, ignore_index):
    log_probability = logits.log_softmax(1)
    groups = {False: [], True: []}
    for b, y, x in torch.cartesian_prod(*(torch.arange(n) for n in target.shape)).tolist():
        label = int(target[b, y, x])
        if label != ignore_index:
            groups[label > 0].append(-float(log_probability[b, label, y, x]))
    means = [sum(group) / len(group) if group else 0.0 for group in groups.values()]
    return sum(means) / 2


@pytest.mark.parametrize('ignore_index', [255, 2])
@pytest.mark.parametrize('size', [(3, 5), (1, 1)])
def test_the_loss_is_the_mean_of_both_means(size, ignore_index):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, *size, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 4, (2, *size), generator=generator)
    target[0, 0] = ignore_index
    loss = BalancedCrossEntropyLoss()(logits, target, ignore_index=ignore_index)
    torch.testing.assert_close(loss.item(), naive(logits, target, ignore_index))


def test_background_does_not_win_by_its_number():
    """By hand: 9 background pixels and one of foreground weigh the same."""
    logits = torch.zeros(1, 2, 1, 10)
    logits[:, 0] = 2.0
    target = torch.zeros(1, 1, 10, dtype=torch.long)
    target[..., 9] = 1
    right, wrong = F.softplus(torch.tensor(-2.0)), F.softplus(torch.tensor(2.0))
    torch.testing.assert_close(BalancedCrossEntropyLoss()(logits, target), (right + wrong) / 2)


def test_a_mask_of_ignored_pixels_alone_gives_zero_and_no_nan():
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = BalancedCrossEntropyLoss()(logits, torch.full((1, 2, 2), 255))
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()


def test_weight_and_name():
    module = MODELS.build(
        {'type': 'mmwsss.BalancedCrossEntropyLoss', 'loss_weight': 0.5, 'loss_name': 'loss_x'}
    )
    logits, target = torch.randn(1, 3, 2, 4), torch.randint(0, 3, (1, 2, 4))
    torch.testing.assert_close(
        module(logits, target), 0.5 * BalancedCrossEntropyLoss()(logits, target)
    )
    assert module.loss_name == 'loss_x'
    assert 'loss' in BalancedCrossEntropyLoss().loss_name


def test_label_smoothing_reaches_the_terms():
    logits, target = torch.randn(1, 3, 2, 4), torch.randint(0, 3, (1, 2, 4))
    target[0, 0, :2] = torch.tensor([0, 1])  # both sides are there
    total, count = balanced_cross_entropy_terms(logits, target, 255, 0.4)
    loss = BalancedCrossEntropyLoss(label_smoothing=0.4)(logits, target)
    torch.testing.assert_close(loss, (total / count).sum() / 2)
    assert loss != BalancedCrossEntropyLoss()(logits, target)


@pytest.mark.parametrize('share', [-0.1, 0.6])
def test_a_smoothing_that_is_no_share_is_refused(share):
    with pytest.raises(ValueError, match=rf'label_smoothing is {share}; it must lie in'):
        BalancedCrossEntropyLoss(label_smoothing=share)


@pytest.mark.parametrize('side', [0, 2])
def test_an_empty_side_counts_zero(side):
    """Not 0/0 as in AMN's released code: the loss is half the mean of the other side."""
    logits = torch.randn(1, 3, 2, 4, requires_grad=True)
    target = torch.full((1, 2, 4), side)
    loss = BalancedCrossEntropyLoss(label_smoothing=0.4)(logits, target)
    total, _ = balanced_cross_entropy_terms(logits, target, 255, 0.4)
    torch.testing.assert_close(loss, total.sum() / 8 / 2)
    loss.backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize('side', [0, 2])
def test_released_empty_mean_is_nan_on_an_empty_side_and_the_same_elsewhere(side):
    logits = torch.randn(1, 3, 2, 4)
    released = BalancedCrossEntropyLoss(label_smoothing=0.4, released_empty_mean=True)
    assert released(logits, torch.full((1, 2, 4), side)).isnan()
    target = torch.tensor([[[0, 1, 2, 255], [0, 0, 1, 1]]])
    torch.testing.assert_close(
        released(logits, target), BalancedCrossEntropyLoss(label_smoothing=0.4)(logits, target)
    )


def test_pixel_weights_are_refused():
    with pytest.raises(ValueError, match='sampler'):
        BalancedCrossEntropyLoss()(
            torch.randn(1, 3, 2, 4), torch.zeros(1, 2, 4, dtype=torch.long), torch.ones(1, 2, 4)
        )


def test_half_of_a_target_is_the_most_that_may_be_smoothed():
    assert BalancedCrossEntropyLoss(label_smoothing=0.5).label_smoothing == 0.5
