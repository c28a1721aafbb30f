"""The config that `mmwsss new` writes: what it found and what it chose, each with a comment."""

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.config import Config

from .recipe import PAPER_BANK, PAPER_MOMENTUM, Recipe, Steps
from .survey import NO_LABEL, Survey

WIDTH = 100
FEW = 10  # photographs of a class that make a comment say so
NAMED = 3  # how many ids a comment names


def format_config(
    survey: Survey,
    recipe: Recipe,
    *,
    path: Path,
    label_file: Path,
    image_list: Path | None,
    backbone: str,
    machine: str,
    other_backbone: Config | None = None,
) -> str:
    """Return the text of a config.

    Args:
        survey: What the folder holds.
        recipe: What was chosen for it.
        path: Where the config will lie.
        label_file: A label file that trainings read.
        image_list: The photographs that are used, or None for all.
        backbone: As for `choose_recipe`.
        machine: What was found: ``a GPU`` or ``no GPU``.
        other_backbone: Of `read_backbone`, to take the place of `backbone` in the classification
            network, or None.
    """
    blocks = [
        *_comment(f'Written by `mmwsss new {survey.folder}`. To train: mmwsss run {path}'),
        *_comment(*_found(survey)),
        *_base_line(recipe, backbone, machine, other_backbone),
        *_data_lines(survey, label_file, image_list),
        *_view_lines(survey, recipe),
        *_schedule_lines(recipe),
        *_model_lines(recipe, other_backbone),
        *_stage_lines(recipe, other_backbone),
    ]
    return '\n'.join(blocks) + '\n'


def _found(survey: Survey) -> Iterator[str]:
    """Say what is there, sentence by sentence."""
    low, typical, high = survey.long_sides
    suffixes = ', '.join(f'{count} {suffix}' for suffix, count in sorted(survey.suffixes.items()))
    yield (
        f'Found in {survey.folder}: {len(survey.sizes)} images ({suffixes}), the long sides '
        f'{low} to {high} pixels, half of them up to {typical}.'
    )
    yield (
        f'Labels from {survey.label_file} ({survey.label_kind}): {len(survey.classes)} classes; '
        f'images that show none of them: {survey.backgrounds}.'
    )
    yield from _class_lines(survey)
    yield from _left_out_lines(survey.left_out)
    if survey.without_image:
        yield f'In the labels, but not in the folder: {_some(survey.without_image)}.'


def _class_lines(survey: Survey) -> Iterator[str]:
    width = max(map(len, survey.classes))
    alone, always_with = survey.counts_alone, survey.always_with
    for name, count in survey.class_counts.items():
        remark = ' (few: expect little)' if count < FEW else ''
        if always_with[name]:
            remark = f' (never without {" and ".join(always_with[name])}: hard to tell apart)'
        yield f'  {name:{width}}  {count} images, {alone[name]} with no other class{remark}'


def _base_line(recipe: Recipe, backbone: str, machine: str, other: Config | None) -> Iterator[str]:
    network = {
        'efficientnet_lite0': 'EfficientNet-Lite0, which a CPU trains in minutes',
        'resnet50': 'ResNet-50, the network of the papers',
    }[backbone]
    bases = [recipe.base]
    if other is not None:
        name = Path(other.filename).stem
        network = f'{name} (docs/backbones.md)'
        bases.append(f'_base_/backbones/{name}.py')
    method = 'CPAL on IRN, whose seeds need no threshold,' if recipe.bank_length else 'IRN'
    yield from _comment(f'{method} with {network} (this machine has {machine}).')
    named = [f"'{{{{$MMWSSS_CONFIGS:}}}}/{base}'" for base in bases]
    yield f'_base_ = [{", ".join(named)}]'


def _data_lines(survey: Survey, label_file: Path, image_list: Path | None) -> Iterator[str]:
    yield from _comment('The images and what the classes are called; every network reads it here.')
    names = ('background', *survey.classes)
    listed = f', ann_file={str(image_list.resolve())!r}' if image_list else ''
    yield f'images = dict(data_root={str(survey.folder)!r}, metainfo=dict(classes={names}){listed})'
    yield f'labelled = dict(dataset=images, label_file={str(label_file)!r})'
    yield 'train_dataloader = test_dataloader = dict(dataset=labelled)'


def _view_lines(survey: Survey, recipe: Recipe) -> Iterator[str]:
    sides = ' and '.join(map(str, recipe.long_sides))
    few = f' Few sizes are fast on a GPU: multiples of {recipe.size_divisor}.'
    yield from _comment(
        f'Seeds are made of views whose long sides are {sides} pixels, near to those of the '
        f'training; half of the images have up to {survey.long_sides[1]}.'
        f'{few if recipe.size_divisor else ""}'
    )
    divisor = f', size_divisor={recipe.size_divisor}' if recipe.size_divisor else ''
    view = f"dict(type='mmwsss.MultiScaleFlip', long_sides={recipe.long_sides}{divisor})"
    yield f'seed_dataloader = dict(dataset=dict(labelled, pipeline=[_base_.load, {view}]))'


def _schedule_lines(recipe: Recipe) -> Iterator[str]:
    yield from _comment(
        f'Classification: {_told(recipe.cam)}. Fewer images need more epochs for as many steps.'
    )
    yield f'total_batch_size = {recipe.cam.batch}'
    yield f'train_cfg = dict(max_epochs={recipe.cam.epochs})'
    yield 'param_scheduler = [dict(_base_.poly, end=train_cfg["max_epochs"])]'


def _model_lines(recipe: Recipe, other: Config | None) -> Iterator[str]:
    parts = []
    if other is not None:
        parts.append('backbone=_base_.backbone')
    if recipe.bank_length:
        momentum = (
            "the paper's"
            if recipe.momentum == PAPER_MOMENTUM
            else 'of 10 steps, as an epoch has fewer than 100'
        )
        yield from _comment(
            'The bank holds a little more than one epoch of the largest class (the paper: '
            f'{PAPER_BANK}, for ten thousand images); the memory of the means is {momentum}.'
        )
        parts.append(
            f'prototype_head=dict(bank=dict(length={recipe.bank_length}), '
            f'momentum={recipe.momentum})'
        )
    if parts:
        yield f'model = dict({", ".join(parts)})'
    if other is not None and other.get('backbone_optim'):
        yield 'optim_wrapper = _base_.backbone_optim'


def _stage_lines(recipe: Recipe, other: Config | None) -> Iterator[str]:
    yield from _comment(
        f'Boundaries: {_told(recipe.boundaries)}. Segmentor: {_told(recipe.segmentor)}.'
    )
    yield 'stages = dict('
    for name, steps in (('irnet', recipe.boundaries), ('segmentor', recipe.segmentor)):
        options = {
            'total_batch_size': steps.batch,
            'train_cfg.max_epochs': steps.epochs,
            'param_scheduler.0.end': steps.epochs,
        }
        # the network of boundaries cannot begin with another backbone than its own
        own = ', backbone=None' if other is not None and name == 'irnet' else ''
        yield f'    {name}=dict(options={options}{own}),'
    yield ')'


def _told(steps: Steps) -> str:
    return f'{steps.epochs} epochs of batches of {steps.batch}, {steps.total} steps'


def _left_out_lines(left_out: Mapping[str, str]) -> Iterator[str]:
    """Name what is not used: unlabelled images by a few ids, faulty ones by their fault."""
    unlabelled = [image_id for image_id, reason in left_out.items() if reason == NO_LABEL]
    if unlabelled:
        yield f'Left out, as the labels do not have them: {_some(unlabelled)}.'
    faults = [reason for reason in left_out.values() if reason != NO_LABEL]
    for reason in faults[:NAMED]:
        yield f'Left out: {reason}.'
    if len(faults) > NAMED:
        yield f'Left out: {len(faults) - NAMED} more files that cannot be read.'


def _some(ids: list[str] | tuple[str, ...]) -> str:
    more = f' and {len(ids) - NAMED} more' if len(ids) > NAMED else ''
    return f'{", ".join(ids[:NAMED])}{more}'


def _comment(*sentences: str) -> Iterator[str]:
    for sentence in sentences:
        indent = '#   ' if sentence.startswith(' ') else '# '
        yield from textwrap.wrap(
            sentence.strip(),
            WIDTH,
            initial_indent=indent,
            subsequent_indent='#   ',
            break_long_words=False,
            break_on_hyphens=False,
        )
