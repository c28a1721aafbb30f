"""Scores of images by networks that have not learnt from them."""

import copy
import tempfile
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.device import get_device

from mmwsss.models.segmentors import CAMSegmentor
from mmwsss.pipeline.network import last_checkpoint, load_network, train
from mmwsss.pipeline.stages.images import build_images

from .label_issues import LabelIssue, find_label_issues, folds_of

FOLDS = 3


def doubted_labels(
    config: Config, long_side: int, folds: int = FOLDS
) -> list[tuple[str, str, LabelIssue]]:
    """Train the classification network without each fold in turn; list the labels it doubts.

    Args:
        config: Of a run; its network is trained without a plug-in, as long as the config says.
        long_side: Of the images that are scored, in pixels.
        folds: In how many parts the images are dealt.

    Returns:
        Image id, class name and issue, the clearest first.

    Raises:
        ValueError: The host gives an image no scores.
    """
    dataset = build_images(config.train_dataloader.dataset)
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    labels = np.stack([info['gt_label'] for info in infos])
    scores = np.zeros(labels.shape)
    everything = set(range(len(infos)))
    with tempfile.TemporaryDirectory(prefix='mmwsss-') as folder:
        for number, fold in enumerate(folds_of(len(infos), folds)):
            part = _fold_config(config, sorted(everything - set(fold)), Path(folder, str(number)))
            train(part)
            network = load_network(part.model, last_checkpoint(part.work_dir))
            scores[fold] = _scores(network, [infos[index] for index in fold], long_side)
    names = [name for name in dataset.metainfo['classes'] if name.lower() != 'background']
    issues = find_label_issues(scores, labels)
    return [(infos[i.index]['img_id'], names[i.class_index], i) for i in issues]


def _fold_config(config: Config, indices: list[int], work_dir: Path) -> Config:
    part = copy.deepcopy(config)
    part.work_dir = str(work_dir)
    part.model.pop('prototype_head', None)
    hooks = part.custom_hooks
    part.custom_hooks = [h for h in hooks if h['type'] != 'mmwsss.ContextPrototypeHook']
    part.train_dataloader.dataset.indices = indices
    part.total_batch_size = min(part.total_batch_size, len(indices))
    return part


@torch.no_grad()
def _scores(network: CAMSegmentor, infos: list[dict], long_side: int) -> np.ndarray:
    """Return the probability of every class in every image, ``(n, N)``."""
    pipeline = Compose(
        [
            {'type': 'mmwsss.LoadImage'},
            {'type': 'mmwsss.PillowResize', 'scale': (long_side, long_side)},
            {'type': 'mmwsss.PackImageLabelInputs'},
        ]
    )
    network.to(get_device())
    network.train(False)
    rows = []
    for info in infos:
        batch = network.data_preprocessor(pseudo_collate([pipeline(dict(info))]), False)
        logits = network.compute_cam(batch['inputs'], batch['data_samples']).logits
        if logits is None:
            raise ValueError(
                f'{type(network.cam_head).__name__} gives an image no scores: check labels with '
                'the config of another host, such as irn_own'
            )
        rows.append(logits[0].sigmoid().cpu().numpy())
    return np.stack(rows)
