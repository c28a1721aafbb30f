"""`mmwsss check`: what of a data set is wrong or risky, before hours are spent on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from mmengine.config import Config

from mmwsss.datasets import foreground_classes
from mmwsss.errors import USER_ERRORS
from mmwsss.pipeline.run import check_stages, open_workspace
from mmwsss.pipeline.stages.images import build_images
from mmwsss.structures import image_size

from .doubles import find_doubles

LEVELS = ('stop', 'wrong', 'risk', 'note')
FEW = 10  # images of a class
NAMED = 3  # ids that a finding names
_LONG = 3.0  # long side over short side
_ENLARGED, _SHRUNK = 2.0, 6.0  # a view's size over the image's, and the other way


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        level: ``stop``: the run would stop there; ``wrong``: it cannot learn this; ``risk``: expect
            less; or ``note``.
        text: One sentence.
    """

    level: str
    text: str


@dataclass(frozen=True)
class Images:
    """The images that a config trains on.

    Attributes:
        paths: By id.
        labels: ``(n, N)`` of 0 and 1, in the order of `paths`.
        classes: The N foreground classes.
        long_side: Of the training views, in pixels; None where the config has no `RandomView`.
    """

    paths: Mapping[str, Path]
    labels: np.ndarray
    classes: tuple[str, ...]
    long_side: float | None


def list_findings(config: Config, work_dir: str | Path | None = None) -> list[Finding]:
    """Look at a config, at its images and at their labels; train nothing.

    Args:
        config: Of a run, with its ``stages``.
        work_dir: Folder of the run.

    Returns:
        What was found, the worst first; nothing but what stops the run, if something does.
    """
    try:
        workspace = open_workspace(config, work_dir)
        check_stages(workspace.stages.values(), workspace)
        images = images_of(config)
    except USER_ERRORS as error:
        first, *numbered = str(error).splitlines()
        lines = [line.partition('. ')[2] for line in numbered] or [first]
        return [Finding('stop', line) for line in lines]
    looks: Sequence[Callable[[Images], Iterator[Finding]]] = (
        label_findings,
        double_findings,
        size_findings,
    )
    findings = [finding for look in looks for finding in look(images)]
    findings += [Finding('note', text) for text in workspace.notes]
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def images_of(config: Config) -> Images:
    """Return the images of a config, their labels, and the size that they are learnt in."""
    built = build_images(config.train_dataloader.dataset)
    infos = [built.get_data_info(index) for index in range(len(built))]
    views = [step for step in config.train_dataloader.dataset.pipeline if 'ratio_range' in step]
    side = views[0].size * sum(views[0].ratio_range) / 2 if views and 'size' in views[0] else None
    return Images(
        {info['img_id']: Path(info['img_path']) for info in infos},
        np.stack([info['gt_label'] for info in infos]),
        foreground_classes(built.metainfo['classes']),
        side,
    )


def label_findings(images: Images) -> Iterator[Finding]:
    """Look at how often classes are there, and which come together."""
    labels, names = images.labels.astype(bool), images.classes
    counts = labels.sum(axis=0)
    for name, count in zip(names, counts, strict=True):
        if not count:
            yield Finding('wrong', f'no image shows {name}: take the class out, or label it')
        elif count == len(labels) and len(labels) > 1:
            yield Finding(
                'wrong',
                f'every image shows {name}: nothing says what it looks like and what is '
                'background; add images without it',
            )
        elif count < FEW:
            yield Finding('risk', f'{count} images show {name}: expect little below {FEW}')
    yield from _companions(labels, names)
    if not (~labels.any(axis=1)).any():
        yield Finding(
            'note', 'every image shows some class; images of background alone help to tell it apart'
        )


def _companions(labels: np.ndarray, names: Sequence[str]) -> Iterator[Finding]:
    """Look for classes that are never seen without another."""
    together = labels.T.astype(int) @ labels.astype(int)
    counts = np.diag(together)
    for first, name in enumerate(names):
        for second, other in enumerate(names):
            if first == second or not counts[first] or together[first, second] < counts[first]:
                continue
            if together[first, second] == counts[second]:
                if first < second:
                    yield Finding(
                        'wrong',
                        f'{name} and {other} always come together: no method can part them; add '
                        'images of one alone, or make them one class',
                    )
            elif counts[second] < len(labels):
                yield Finding(
                    'risk', f'{name} never comes without {other}: add images of {name} alone'
                )


def double_findings(images: Images) -> Iterator[Finding]:
    """Look for images that are there twice."""
    labels = dict(zip(images.paths, images.labels.tolist(), strict=True))
    pairs = find_doubles(images.paths)
    differ = [pair for pair in pairs if labels[pair[0]] != labels[pair[1]]]
    if differ:
        yield Finding(
            'wrong',
            f'{len(differ)} pairs of (nearly) one image have other labels: {_named(differ)}',
        )
    if same := [pair for pair in pairs if pair not in differ]:
        yield Finding(
            'risk',
            f'{len(same)} pairs of images are (nearly) one: {_named(same)}; keep one of each',
        )


def size_findings(images: Images) -> Iterator[Finding]:
    """Look at sizes against those that the network sees."""
    sizes = {image_id: image_size(path) for image_id, path in images.paths.items()}
    sides = [max(size) for size in sizes.values()]
    yield Finding(
        'note',
        f'{len(sizes)} images, long sides {min(sides)} to {max(sides)} pixels, half of them up to '
        f'{median(sides):.0f}',
    )
    long = [name for name, size in sizes.items() if max(size) > _LONG * min(size)]
    if long:
        yield Finding(
            'risk',
            f'{len(long)} images are over {_LONG:.0f} times as long as wide: {_some(long)}; cut '
            'them, as what is learnt from is square',
        )
    if images.long_side is None:
        return
    side = images.long_side
    small = [name for name, size in sizes.items() if max(size) * _ENLARGED < side]
    if small:
        yield Finding(
            'risk',
            f'{len(small)} images are enlarged over {_ENLARGED:.0f} times to the {side:.0f} pixels '
            f'that the network learns from: {_some(small)}',
        )
    large = [name for name, size in sizes.items() if max(size) > _SHRUNK * side]
    if large:
        yield Finding(
            'risk',
            f'{len(large)} images are over {_SHRUNK:.0f} times as large as the {side:.0f} pixels '
            f'that the network learns from: {_some(large)}; small objects are lost, and a CRF '
            'takes minutes for each: make copies of about 1000 pixels, or tiles',
        )


def format_findings(findings: Sequence[Finding]) -> str:
    """Return the findings as lines for a terminal."""
    return '\n'.join(f'{finding.level:5}  {finding.text}' for finding in findings)


def _named(pairs: Sequence[tuple[str, str]]) -> str:
    return _some([f'{first} and {second}' for first, second in pairs])


def _some(names: Sequence[Any]) -> str:
    more = f', and {len(names) - NAMED} more' if len(names) > NAMED else ''
    return f'{", ".join(names[:NAMED])}{more}'
