"""Masks of a run out to an annotation tool, and a person's corrections back into the run."""

from pathlib import Path

from mmwsss.annotations import Imported, MaskedImage, export_masks, import_masks

from .stages import Train
from .stages.images import foreground_names, list_images
from .workspace import DONE, Workspace

_EXPORTED = 'exported'


def corrected_stage(workspace: Workspace, name: str | None = None) -> str:
    """Return the stage whose masks a person corrects.

    Args:
        workspace: Folder, config and stages of the run.
        name: Of the stage; None for the one whose masks the last segmentor learns from.

    Raises:
        ValueError: There is no such stage, or no segmentor in the run.
        FileNotFoundError: The stage is not done.
    """
    read = {
        stage.masks: stage.name
        for stage in workspace.stages.values()
        if isinstance(stage, Train) and stage.masks and _is_segmentor(stage, workspace)
    }
    if name is None and not read:
        raise ValueError(f'{workspace.root} trains no segmentor: its masks are learnt by nothing')
    if name is not None and name not in read:
        raise ValueError(
            f'no segmentor of {workspace.root} learns from the masks of {name!r}; those that are '
            f'learnt from are of {list(read)}'
        )
    chosen = name or list(read)[-1]
    assert chosen is not None
    if not (workspace.folder(chosen) / DONE).is_file():
        raise FileNotFoundError(
            f'the masks in {workspace.folder(chosen)} are not finished: `mmwsss run` with the same '
            'config goes on'
        )
    return chosen


def _is_segmentor(stage: Train, workspace: Workspace) -> bool:
    return 'decode_head' in stage.network_config(workspace).model


def export_run(
    workspace: Workspace, kind: str, out: Path | None, stage: str | None, tolerance: float
) -> tuple[Path, int, int]:
    """Write the masks of a run for an annotation tool, the corrected ones as they were corrected.

    Args:
        workspace: Folder, config and stages of the run.
        kind: Format, of `mmwsss.annotations.FORMATS`.
        out: Folder to write to; ``exported/<kind>`` in the run's when None.
        stage: As for `corrected_stage`.
        tolerance: By how many pixels an outline may leave out corners.

    Returns:
        The folder, and how many images and regions it has.
    """
    name = corrected_stage(workspace, stage)
    corrected, own = workspace.corrected(name), workspace.folder(name) / 'masks'
    images = []
    for info in list_images(workspace.config.seed_dataloader.dataset):
        image_id = info['img_id']
        better = corrected / f'{image_id}.png'
        has_better = better.is_file()
        mask = better if has_better else own / f'{image_id}.png'
        images.append(MaskedImage(image_id, Path(info['img_path']), mask, has_better))
    folder = out or workspace.root / _EXPORTED / kind
    classes = ('background', *foreground_names(workspace))
    record = _record(workspace, name, kind)
    return folder, len(images), export_masks(images, classes, kind, folder, record, tolerance)


def import_into_run(
    workspace: Workspace, kind: str, source: Path, stage: str | None
) -> tuple[Path, Imported]:
    """Take what a person has corrected into a run: its segmentor learns from it the next time.

    Args:
        workspace: Folder, config and stages of the run.
        kind: Format, of `mmwsss.annotations.FORMATS`, in which the masks were exported before.
        source: File or folder that the annotation tool has saved.
        stage: As for `corrected_stage`.

    Returns:
        The folder of the corrected masks, and what was changed.
    """
    name = corrected_stage(workspace, stage)
    corrected = workspace.corrected(name)
    record = _record(workspace, name, kind)
    return corrected, import_masks(kind, source, record, corrected)


def _record(workspace: Workspace, stage: str, kind: str) -> Path:
    return workspace.root / _EXPORTED / '.record' / stage / kind
