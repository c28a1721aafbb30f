"""Which images a network learns from before it judges others, and whose scores are whose."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image
from torch import nn

from mmwsss.own_images import out_of_fold
from mmwsss.own_images.label_issues import folds_of

GREYS = [30 + 20 * number for number in range(10)]
FLIPPED = 7  # its label says that it is dark


class Photographs:
    """Grey images; those that are bright show a dog."""

    metainfo = {'classes': ('background', 'cat', 'dog')}

    def __init__(self, folder):
        self.folder = folder
        for number, grey in enumerate(GREYS):
            Image.fromarray(np.full((20, 40, 3), grey, np.uint8)).save(folder / f'{number}.png')

    def __len__(self):
        return len(GREYS)

    def get_data_info(self, index):
        dog = (GREYS[index] > 120) != (index == FLIPPED)
        path = str(self.folder / f'{index}.png')
        return {'img_id': f'id {index}', 'img_path': path, 'gt_label': np.array([0, int(dog)])}


class Bright(nn.Module):
    """Gives the second class a logit of its own for every image, and notes what it is asked."""

    def __init__(self, gives_scores=True):
        super().__init__()
        self.seen, self.sizes = [], set()
        self.cam_head = nn.Identity()
        self.gives_scores = gives_scores

    def data_preprocessor(self, data, training):
        assert not training and not self.training
        return {'inputs': torch.stack(data['inputs']), 'data_samples': data['data_samples']}

    def compute_cam(self, inputs, samples):
        grey = int(inputs[0, 0, 0, 0])
        self.seen.append(GREYS.index(grey))
        self.sizes.add(tuple(inputs.shape))
        sure = 6.0 if grey == GREYS[FLIPPED] else 4.0
        logits = torch.tensor([[-3.0, sure if grey > 120 else -2.0]])
        return type('Output', (), {'logits': logits if self.gives_scores else None})


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Put fakes in the place of trainings; return the configs of these and their networks."""
    init_default_scope('mmseg')
    parts, networks = [], {}
    monkeypatch.setattr(out_of_fold, 'build_images', lambda dataset: Photographs(tmp_path))
    monkeypatch.setattr(out_of_fold, 'train', parts.append)
    monkeypatch.setattr(out_of_fold, 'last_checkpoint', lambda folder: f'{folder}/last.pth')

    def load(model, checkpoint):
        return networks.setdefault(checkpoint, Bright(model.get('scores', True)))

    monkeypatch.setattr(out_of_fold, 'load_network', load)
    return parts, networks


def config(**model):
    return Config(
        {
            'model': {'type': 'x', 'prototype_head': {'type': 'y'}, **model},
            'custom_hooks': [{'type': 'a'}, {'type': 'mmwsss.ContextPrototypeHook'}],
            'train_dataloader': {'dataset': {'type': 'z'}},
            'total_batch_size': 16,
            'work_dir': 'mine',
        }
    )


def test_an_image_is_scored_by_the_network_that_has_not_learnt_from_it(asked):
    parts, networks = asked
    mine = config()
    [(image_id, name, issue)] = out_of_fold.doubted_labels(mine, long_side=10, folds=3)
    assert (image_id, name) == (f'id {FLIPPED}', 'dog')
    assert (issue.index, issue.class_index, issue.labelled) == (FLIPPED, 1, False)
    surer = torch.tensor([6.0, 4.0]).sigmoid()  # than the other bright ones are
    assert issue.margin == pytest.approx((surer[0] - surer[1]).item(), abs=1e-5)
    assert len(parts) == len(networks) == 3
    for part, fold in zip(parts, folds_of(10, 3), strict=True):
        network = networks[f'{part.work_dir}/last.pth']
        learnt = part.train_dataloader.dataset.indices
        assert network.seen == fold and learnt == sorted(set(range(10)) - set(fold))
        assert network.sizes == {(1, 3, 5, 10)}  # the long side is 10
        assert part.total_batch_size == len(learnt)
        assert 'prototype_head' not in part.model
        assert [hook.type for hook in part.custom_hooks] == ['a']
    assert mine.work_dir == 'mine' and 'prototype_head' in mine.model
    assert len(mine.custom_hooks) == 2 and 'indices' not in mine.train_dataloader.dataset


def test_there_are_three_folds_and_a_small_batch_stays(asked):
    parts, _ = asked
    small = config()
    small.total_batch_size = 4
    out_of_fold.doubted_labels(small, 10)
    assert [part.total_batch_size for part in parts] == [4, 4, 4]


def test_a_host_without_scores_is_named(asked):
    with pytest.raises(ValueError, match='Identity gives an image no scores'):
        out_of_fold.doubted_labels(config(scores=False), 10)
