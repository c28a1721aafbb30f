"""Stages that compare with ground truth."""

from pathlib import Path
from typing import Any, ClassVar

from mmengine.config import Config

from mmwsss.evaluation.seed_evaluation import evaluate_masks, evaluate_seeds
from mmwsss.pipeline.workspace import Workspace, content_hash
from mmwsss.registry import STAGES
from mmwsss.structures import check_files_exist, read_ids

from .base import Stage
from .checks import GROUND_TRUTH_CURE, check_ground_truth
from .images import foreground_names, list_images


class _Evaluation(Stage):
    """A comparison with ground truth, which a config says once, as ``judged_on``.

    Args:
        name: Of the stage.
        ground_truth: Folder of the masks.
        ids: File of the image ids, one per line.
        title: Of the figures in tables.
    """

    judges = True

    def __init__(self, name: str, ground_truth: str, ids: str, title: str) -> None:
        super().__init__(name)
        self.title = title
        self.ground_truth = ground_truth
        self.ids = ids

    @classmethod
    def defaults(cls, config: Config, options: dict[str, Any]) -> dict[str, Any] | None:
        """Return the config's ``judged_on``.

        Where it is None, a stage without a ground truth of its own is left out.
        """
        judged_on = config.get('judged_on', {})
        if judged_on is None:
            return {} if {'ground_truth', 'ids'} <= options.keys() else None
        return dict(judged_on)

    def check(self, workspace: Workspace) -> None:
        """Look for the ground truth."""
        ids = read_ids(self.ids)
        if not Path(self.ground_truth).is_dir():
            raise FileNotFoundError(
                f'stage {self.name!r} judges by the masks in {self.ground_truth}, which is no '
                'folder: set judged_on.ground_truth, or judged_on=None to judge nothing'
            )
        masks = [str(Path(self.ground_truth, f'{image_id}.png')) for image_id in ids]
        check_files_exist(masks, 'mask', GROUND_TRUTH_CURE)
        dataset = workspace.config.seed_dataloader.dataset
        known = {info['img_id']: info for info in list_images(dataset)}
        missing = [image_id for image_id in ids if image_id not in known]
        if missing:
            raise ValueError(
                f'stage {self.name!r} judges image {missing[0]!r} and {len(missing) - 1} more of '
                f'{self.ids}, for which no seeds are made: set ids to images of seed_dataloader'
            )
        infos = [known[image_id] for image_id in ids]
        check_ground_truth(masks, infos, foreground_names(workspace), workspace)

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Ground truth and ids."""
        return {'ground_truth': self.ground_truth, 'ids': content_hash(read_ids(self.ids))}


@STAGES.register_module()
class EvaluateSeeds(_Evaluation):
    """Mean IoU of the seeds at every background threshold, for cam, pacam and their sum.

    Args:
        name: Name of the stage, which is that of its folder.
        seeds: Stage that wrote the seeds.
        ground_truth: Folder of the masks; by default that of ``judged_on``.
        ids: File of the image ids, by default that of ``judged_on``; also the split that the best
            threshold is chosen on.
        title: Of the figures in tables.
    """

    takes = ('seeds',)
    wants: ClassVar = {'seeds': 'seeds'}
    gives = 'scores'

    def __init__(
        self, name: str, seeds: str, ground_truth: str, ids: str, title: str = 'seeds'
    ) -> None:
        super().__init__(name, ground_truth, ids, title)
        self.seeds = seeds

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Sweep the threshold once."""
        return evaluate_seeds(
            workspace.folder(self.seeds) / 'seeds',
            self.ground_truth,
            read_ids(self.ids),
            foreground_names(workspace),
            split=Path(self.ids).stem,
            processes=workspace.processes,
        )

    def rows(self, figures: dict[str, Any]) -> dict[str, float]:
        """One row per source, at its best threshold."""
        return {
            f'{self.title}: {source}': curve['best']['mIoU']
            for source, curve in figures['sources'].items()
        }

    def summary(self, figures: dict[str, Any]) -> str:
        """The best of each source, and at which threshold."""
        bests = {source: curve['best'] for source, curve in figures['sources'].items()}
        return ', '.join(
            f'{source} {best["mIoU"]:.1f} at {best["threshold"]:.2f}'
            for source, best in bests.items()
        )


@STAGES.register_module()
class EvaluateMasks(_Evaluation):
    """Mean IoU of masks; 255 in them counts as background.

    Args:
        name: Name of the stage, which is that of its folder.
        masks: Stage that wrote the masks.
        ground_truth: Folder of the masks to judge by; by default that of ``judged_on``.
        ids: File of the image ids; by default that of ``judged_on``.
        title: Of the figures in tables.
    """

    takes = ('masks',)
    wants: ClassVar = {'masks': 'masks'}
    gives = 'scores'

    def __init__(
        self, name: str, masks: str, ground_truth: str, ids: str, title: str = 'pseudo masks'
    ) -> None:
        super().__init__(name, ground_truth, ids, title)
        self.masks = masks

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Compare the masks as trained on, and those before unsure pixels were set to 255."""
        ids, classes = read_ids(self.ids), foreground_names(workspace)
        folder, processes = workspace.folder(self.masks), workspace.processes
        # `RefineSeeds` writes both; another stage may write masks alone
        kinds = ('argmax', 'masks') if (folder / 'argmax').is_dir() else ('masks',)
        return {
            what: evaluate_masks(
                folder / what, self.ground_truth, ids, classes, processes=processes
            )
            for what in kinds
        }

    def rows(self, figures: dict[str, Any]) -> dict[str, float]:
        """One row, and a second where unsure pixels make a difference."""
        masks = figures['masks']['mIoU']
        rows = {self.title: figures.get('argmax', figures['masks'])['mIoU']}
        if masks != rows[self.title]:
            rows[f'{self.title}, unsure as background'] = masks
        return rows
