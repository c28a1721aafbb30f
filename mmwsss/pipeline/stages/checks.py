"""What several stages look at before the first one begins."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmwsss.datasets.image_files import refuse_faults
from mmwsss.evaluation.ground_truth import MaskToCheck, check_masks, mask_fault
from mmwsss.pipeline.workspace import Workspace
from mmwsss.seeds.crf import BACKENDS, CRF_PRESETS, Backend, crf_preset, has_pydensecrf
from mmwsss.structures import check_choice

GROUND_TRUTH_CURE = 'set the folder of the ground truth, or leave the stage out (name=None)'


def check_crf(name: str, crf: str | None, backend: Backend = 'auto') -> None:
    """Look at a CRF's preset and for its package.

    Args:
        name: Name of the stage, for messages.
        crf: None where the stage has no CRF.
        backend: What is to compute it.

    Raises:
        ValueError: There is no such preset or backend.
        ImportError: The package is missing.
    """
    check_choice(f'crf of stage {name!r}', crf, [*CRF_PRESETS, None])
    check_choice(f'crf_backend of stage {name!r}', backend, BACKENDS)
    if crf is not None and backend == 'pydensecrf' and not has_pydensecrf():
        raise ImportError(
            f"stage {name!r} has crf_backend='pydensecrf', which is not installed: pip install -r "
            "requirements/crf.txt, or set it to 'auto'"
        )


def crf_recipe(crf: str | None, backend: Backend) -> dict[str, str | None]:
    """Return the name of a CRF and what computes it on this machine."""
    settings = crf_preset(crf, backend)
    return {'crf': crf, 'crf_backend': settings.chosen_backend() if settings else None}


def check_source(name: str, source: str, seeds: str, workspace: Workspace) -> None:
    """Look whether seeds will have the maps that a stage reads.

    Args:
        name: Of the stage that reads.
        source: Maps that are asked for: ``cam``, ``pacam`` or ``sum``.
        seeds: Name of the stage that writes the seeds.
        workspace: Folder, config and stages of the run.

    Raises:
        ValueError: They will not, or it writes no seeds.
    """
    known = workspace.stages[seeds].seed_sources(workspace)
    if source not in known:
        raise ValueError(
            f'source of stage {name!r} is {source!r}, but the seeds of {seeds!r} have '
            f'{", ".join(known) or "no maps"}'
        )


def check_own_background(
    name: str, option: str, source: str, seeds: str, workspace: Workspace
) -> None:
    """Look whether seeds will have the background that a stage without a threshold reads.

    Args:
        name: Of the stage that reads.
        option: Its option that is None.
        source: Maps that the background competes with: ``cam``, ``pacam`` or ``sum``.
        seeds: Name of the stage that writes the seeds.
        workspace: Folder, config and stages of the run.

    Raises:
        ValueError: They will not.
    """
    found = workspace.stages[seeds].seed_backgrounds(workspace)
    if 'background' in found or (source == 'pacam' and 'pacam_background' in found):
        return
    raise ValueError(
        f'stage {name!r} has {option}=None, which takes the background of the seeds themselves, '
        f'but the seeds of {seeds!r} have none that competes with {source}: give a number'
    )


def check_ground_truth(
    masks: Sequence[str],
    infos: Sequence[Mapping[str, Any]],
    classes: Sequence[str],
    workspace: Workspace,
) -> None:
    """Look whether masks are ground truth of their images; note what is odd.

    Args:
        masks: The files.
        infos: What the data set knows of their images, ``gt_label`` where it has labels.
        classes: Names of the foreground classes.
        workspace: Of the run, whose notes are added to.

    Raises:
        ValueError: A mask cannot be used, or the masks do not hold the classes.
    """
    checked = [
        MaskToCheck(
            Path(mask),
            info['img_path'],
            np.flatnonzero(info['gt_label']).tolist() if 'gt_label' in info else None,
        )
        for mask, info in zip(masks, infos, strict=True)
    ]
    refuse_faults(checked, mask_fault, 'mask', GROUND_TRUTH_CURE)
    workspace.note(check_masks(checked, classes))
