import torch

from mmwsss.models.prototypes.running_mean import RunningMean


def test_the_first_update_sets_and_later_ones_move():
    running = RunningMean(rows=3, channels=2, momentum=0.75)
    running.update(torch.tensor([[4.0, 8.0], [0.0, 0.0], [1.0, 1.0]]), torch.tensor([2, 0, 1]))
    assert running.mean.tolist() == [[2.0, 4.0], [0.0, 0.0], [1.0, 1.0]]
    assert running.seen.tolist() == [True, False, True]
    running.update(torch.tensor([[12.0, 0.0], [5.0, 5.0], [0.0, 0.0]]), torch.tensor([2, 1, 0]))
    # old weight 0.75: 0.75 * 2 + 0.25 * 6 = 3 and 0.75 * 4 + 0.25 * 0 = 3
    assert running.mean.tolist() == [[3.0, 3.0], [5.0, 5.0], [1.0, 1.0]]
    assert running.seen.all()


def test_many_updates_equal_a_plain_loop():
    generator = torch.Generator().manual_seed(0)
    running, expected = RunningMean(1, 1, momentum=0.9).double(), None
    for _ in range(20):
        count = int(torch.randint(0, 3, (1,), generator=generator))
        rows = torch.randn(count, 1, generator=generator, dtype=torch.float64)
        running.update(rows.sum(0, keepdim=True), torch.tensor([count]))
        if count:
            new = sum(rows[:, 0].tolist()) / count
            expected = new if expected is None else 0.9 * expected + 0.1 * new
    torch.testing.assert_close(running.mean.item(), expected)


def test_an_update_without_rows_keeps_the_bits():
    running = RunningMean(1, 3, momentum=0.99)
    running.update(torch.rand(1, 3), torch.tensor([3]))
    before = running.mean.clone()
    running.update(torch.zeros(1, 3), torch.tensor([0]))
    assert running.mean.equal(before)


def test_the_state_is_in_buffers_without_gradient():
    running, other = RunningMean(2, 3, 0.5), RunningMean(2, 3, 0.5)
    running.update(torch.rand(2, 3, requires_grad=True), torch.tensor([1, 0]))
    assert not running.mean.requires_grad
    assert not list(running.parameters())
    other.load_state_dict(running.state_dict())
    for module in (running, other):
        module.update(torch.ones(2, 3), torch.tensor([1, 1]))
    assert running.mean.equal(other.mean)  # also says that `seen` travelled
