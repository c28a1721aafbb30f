"""Two processes with half of the batch each, dealt in turn, are one with the joint batch."""

import copy
import subprocess
import sys

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import LabelData, PixelData
from mmseg.structures import SegDataSample
from torch import distributed, nn
from torch.multiprocessing import start_processes
from torch.nn.parallel import DistributedDataParallel

from mmwsss.models.losses import BalancedCrossEntropyLoss, RSCLoss
from mmwsss.registry import MODELS

HALVES = (slice(0, 4, 2), slice(1, 4, 2))  # as a sampler deals images
STEPS = 4
CLUSTER_BEFORE = 1  # step 0 fills the bank
NO_INSTANCE = 2  # the step in which rank 1 has no instance at all
LATE_CLASS = 3  # the step in which both ranks see all classes again


@MODELS.register_module(force=True)
class TwoConvolutions(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, 6, 3, stride=2, padding=1)

    def forward(self, inputs):
        first = self.first(inputs).relu()
        return first, self.second(first).relu()


def build(options):
    torch.manual_seed(0)
    config = {
        'type': 'mmwsss.CAMSegmentor',
        'backbone': {'type': 'mmwsss.TwoConvolutions'},
        'cam_head': {'type': 'mmwsss.LinearCAMHead', 'in_channels': 6, 'num_classes': 3},
        'prototype_head': {
            'type': 'mmwsss.PrototypeAwareCAMHead',
            'num_classes': 3,
            'projection': {
                'type': 'mmwsss.SideProjection',
                'in_channels': (4, 6),
                'out_channels': (3, 5),
                'grid_stage': 1,
            },
            'bank': {'length': 5, 'num_prototypes': 2},
            'center': True,
            **options,
        },
    }
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(config).double()


OPTIONS = ({'num_neighbors': 1}, {'statistic': 'batch', 'apply_to': 'both', 'num_neighbors': None})


def joint_batch(step):
    """Four images with paddings of their own; the second and the fourth belong to rank 1."""
    generator = torch.Generator().manual_seed(step)
    images = torch.randn(4, 3, 16, 24, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 2, (4, 3), generator=generator).double()
    labels[0, 0] = labels[3, 0] = labels[3, 1] = 1
    if step == 0:
        labels[:, 2] = 0  # no process has seen the class when the bank is clustered
    if step == NO_INSTANCE:
        labels[1::2] = 0
    if step == LATE_CLASS:
        labels[:] = 1
    samples = []
    for index, label in enumerate(labels):
        sample = SegDataSample()
        sample.gt_label = LabelData(multi_hot=label)
        valid = torch.ones(1, 16, 24)
        valid[..., 24 - 4 * index :] = 0
        sample.valid_mask = PixelData(data=valid)
        samples.append(sample)
    return images, samples


def segmentation_batch():
    """Masks in which the halves have very different numbers of foreground and ignored pixels."""
    generator = torch.Generator().manual_seed(9)
    logits = torch.randn(4, 3, 5, 7, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 3, (4, 5, 7), generator=generator)
    target[::2, 1:] = 0
    target[1::2, :4] = 255
    return logits, target


def train(model, part):
    """Four steps of SGD on one part of each batch; what happened in each."""
    parameters = list(model.parameters())
    plain = model.module if isinstance(model, DistributedDataParallel) else model
    records = []
    for step in range(STEPS):
        if step >= CLUSTER_BEFORE:
            plain.prototype_head.update_context_prototypes(seed=step)
        images, samples = joint_batch(step)
        losses = model(images[part], samples[part], mode='loss')
        model.zero_grad()
        sum(losses.values()).backward()
        records.append(
            {
                'losses': {name: value.detach() for name, value in losses.items()},
                'gradients': [parameter.grad.clone() for parameter in parameters],
                'state': copy.deepcopy(dict(plain.prototype_head.named_buffers())),
            }
        )
        with torch.no_grad():
            for parameter in parameters:
                parameter -= 0.05 * parameter.grad
    return records


def balanced_loss(part):
    logits, target = segmentation_batch()
    logits = logits[part].requires_grad_()
    loss = BalancedCrossEntropyLoss()(logits, target[part])
    loss.backward()
    return loss.detach(), logits.grad


def contrast(part, negatives):
    """VPL's contrast; each half has classes that the other one lacks."""
    generator = torch.Generator().manual_seed(3)
    embedding = torch.randn(4, 5, 4, 6, generator=generator, dtype=torch.float64)
    scores = torch.randn(4, 4, 4, 6, generator=generator, dtype=torch.float64)
    prototypes = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    present = torch.tensor([[1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 1, 0]]) > 0
    embedding, scores = embedding[part].requires_grad_(), scores[part].requires_grad_()
    valid = torch.ones(len(scores), 1, 4, 6)
    loss = RSCLoss(temperature=0.5, negatives=negatives)(
        embedding, scores, prototypes, present[part], valid, absent=~present[part]
    )
    loss.backward()
    return loss.detach(), embedding.grad, scores.grad


def work(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/meeting', rank=rank, world_size=2
    )
    part = HALVES[rank]
    runs = [
        train(DistributedDataParallel(build(options), broadcast_buffers=False), part)
        for options in OPTIONS
    ]
    contrasts = [contrast(part, negatives) for negatives in ('absent', 'own_region')]
    torch.save(
        {'runs': runs, 'balanced': balanced_loss(part), 'contrasts': contrasts},
        f'{folder}/{rank}.pt',
    )
    distributed.barrier()
    distributed.destroy_process_group()


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ranks')
    subprocess.run([sys.executable, __file__, str(folder)], check=True, timeout=120)
    return [torch.load(folder / f'{rank}.pt') for rank in range(2)]


@pytest.fixture(scope='module', params=range(len(OPTIONS)), ids=['defaults', 'literal shift'])
def runs(request, ranks):
    """Records of rank 0, of rank 1, and of one process with the joint batch."""
    alone = train(build(OPTIONS[request.param]), slice(None))
    return ranks[0]['runs'][request.param], ranks[1]['runs'][request.param], alone


@pytest.mark.parametrize('step', range(STEPS))
def test_the_average_of_the_losses_is_that_of_the_joint_batch(runs, step):
    first, second, alone = (run[step]['losses'] for run in runs)
    for name in ('loss_cls', 'loss_self'):
        torch.testing.assert_close((first[name] + second[name]) / 2, alone[name])
    assert (alone['loss_self'] > 0) == (step >= CLUSTER_BEFORE)


@pytest.mark.parametrize('step', range(STEPS))
def test_the_averaged_gradients_are_those_of_the_joint_batch(runs, step):
    for first, second, alone in zip(*(run[step]['gradients'] for run in runs), strict=True):
        torch.testing.assert_close(first, alone)
        assert first.equal(second)


@pytest.mark.parametrize('step', range(STEPS))
def test_bank_context_and_running_means_are_those_of_one_process(runs, step):
    first, second, alone = (run[step]['state'] for run in runs)
    for name, value in alone.items():
        torch.testing.assert_close(first[name], value, msg=lambda text, n=name: f'{n}: {text}')
        assert first[name].equal(second[name]), name


def test_the_scene_has_what_it_is_about(runs):
    alone = runs[2]
    counts = [record['state']['bank.count'].tolist() for record in alone]
    assert counts[0][2] == 0  # a class that nobody saw before the first clustering
    assert counts[-1] == [5, 5, 5]  # the bank has gone round
    _, samples = joint_batch(NO_INSTANCE)
    assert not any(sample.gt_label.multi_hot.any() for sample in samples[1::2])
    assert runs[1][NO_INSTANCE]['losses']['loss_self'] == 0
    assert runs[0][NO_INSTANCE]['losses']['loss_self'] > 0


def test_the_balanced_cross_entropy_counts_over_both_processes(ranks):
    (first, first_grad), (second, second_grad) = (rank['balanced'] for rank in ranks)
    alone, alone_grad = balanced_loss(slice(None))
    torch.testing.assert_close((first + second) / 2, alone)
    torch.testing.assert_close(_dealt(first_grad, second_grad) / 2, alone_grad)
    logits, target = segmentation_batch()
    local = [BalancedCrossEntropyLoss()(logits[p], target[p]) for p in HALVES]
    assert not torch.isclose(sum(local) / 2, alone)  # averaging local means would be wrong here


@pytest.mark.parametrize(('number', 'negatives'), [(0, 'absent'), (1, 'own_region')])
def test_a_contrast_is_over_the_joint_batch_and_not_over_halves(ranks, number, negatives):
    (first, *first_grads), (second, *second_grads) = (rank['contrasts'][number] for rank in ranks)
    alone, *alone_grads = contrast(slice(None), negatives)
    torch.testing.assert_close(first, alone)
    torch.testing.assert_close(second, alone)
    for one, other, grad in zip(first_grads, second_grads, alone_grads, strict=True):
        torch.testing.assert_close(_dealt(one, other) / 2, grad)  # DDP averages
        assert grad.any()
    halves = [contrast(part, negatives)[0] for part in HALVES]
    assert not torch.isclose(sum(halves) / 2, alone)


def _dealt(first, second):
    """Put the images of two ranks in the order of the joint batch."""
    return torch.stack([first, second], dim=1).flatten(0, 1)


if __name__ == '__main__':
    # a fresh interpreter that has computed nothing may fork, and imports once for both ranks
    start_processes(work, (sys.argv[1],), nprocs=2, start_method='fork')
