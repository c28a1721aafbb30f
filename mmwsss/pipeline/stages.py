"""The stages: training, seeds, refinement, evaluation, test."""

import copy
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.datasets.wrapped_dataset import check_images
from mmwsss.evaluation.seed_evaluation import evaluate_masks, evaluate_seeds
from mmwsss.pipeline import runs
from mmwsss.registry import DATASETS, STAGES
from mmwsss.seeds.crf import CRF_PRESETS
from mmwsss.seeds.files import read_ids
from mmwsss.seeds.refine import RefineItem, RefineSettings, refine_seeds_with_crf

from .config import load_config, set_seed
from .stage import DONE, Stage, Workspace, file_hash, read_record

_TRAINING_KEYS = (
    'model',
    'train_dataloader',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'custom_hooks',
    'load_from',
    'randomness',
)
_WITHOUT_EFFECT = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor')
ROOT = Path(__file__).resolve().parents[2]


@STAGES.register_module()
class Train(Stage):
    """Train a network.

    Args:
        name: Of the stage.
        config: Another config than the pipeline's: a path from here or from the repository.
        masks: Stage whose pseudo masks are learnt from; None for a classification network.
        options: Changes to the config, as with ``--cfg-options``.
    """

    takes = ('masks',)

    def __init__(
        self,
        name: str,
        config: str | None = None,
        masks: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(name)
        self.config = config
        self.masks = masks
        self.options = options

    def training_config(self, workspace: Workspace) -> Config:
        """Return the config of the training, with its folder and its pseudo masks."""
        if self.config is None:
            config = copy.deepcopy(workspace.config)
            config.merge_from_dict(self.options or {})
        else:
            config = load_config(_find_config(self.config), self.options)
            set_seed(config, workspace.config.get('randomness', {}).get('seed', 0))
        config.work_dir = str(workspace.folder(self.name))
        if self.masks:
            config.train_dataloader.dataset.mask_dir = str(workspace.folder(self.masks) / 'masks')
        return config

    def check(self, workspace: Workspace) -> None:
        """Look at the images and their labels."""
        dataset = self.training_config(workspace).train_dataloader.dataset
        init_default_scope('mmseg')
        # pseudo masks are not there yet, their images are
        check_images(DATASETS.build(dataset.dataset if self.masks else dataset))

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Everything of the config that decides the weights."""
        config = self.training_config(workspace)
        dataset = config.train_dataloader.dataset
        recipe = {key: config.get(key) for key in _TRAINING_KEYS}
        recipe['train_dataloader'] = _without_effectless(config.train_dataloader)
        recipe['start'] = file_hash(config.get('load_from') or '')
        recipe['labels'] = file_hash(dataset.get('label_file', ''))
        recipe['images'] = file_hash(_ids_file(dataset))
        return recipe

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Train, in this process or in one a GPU."""
        config = self.training_config(workspace)
        config.resume = resume
        if workspace.gpus > 1:
            return _run_in_processes('train', config, workspace)
        return {'checkpoint': runs.train(config).name}


@STAGES.register_module()
class GenerateSeeds(Stage):
    """Write a seed an image, from merged views.

    Args:
        name: Of the stage.
        model: Stage that trained the network; None for a network that is not trained.
    """

    takes = ('model',)

    def __init__(self, name: str, model: str | None = None) -> None:
        super().__init__(name)
        self.model = model

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Network, views and labels."""
        config = workspace.config
        return {
            'model': config.model,
            'tta_model': config.tta_model,
            'loader': _without_effectless(config.seed_dataloader),
            'labels': file_hash(config.seed_dataloader.dataset.get('label_file', '')),
            'images': file_hash(_ids_file(config.seed_dataloader.dataset)),
        }

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Write the seeds that are not there yet."""
        config = copy.deepcopy(workspace.config)
        config.work_dir = str(workspace.folder(self.name) / 'log')
        checkpoint = _checkpoint(workspace, self.model)
        out_dir = workspace.folder(self.name) / 'seeds'
        if workspace.gpus > 1:
            arguments = ['--out-dir', str(out_dir), *([str(checkpoint)] if checkpoint else [])]
            return _run_in_processes('generate_seeds', config, workspace, arguments)
        runs.generate_seeds(config, checkpoint, out_dir)
        return {'seeds': len(list(out_dir.glob('*.npz')))}


class _Evaluation(Stage):
    """A comparison with ground truth.

    Args:
        name: Of the stage.
        ground_truth: Folder of the masks.
        ids: File of the image ids, one a line.
    """

    def __init__(self, name: str, ground_truth: str, ids: str) -> None:
        super().__init__(name)
        self.ground_truth = ground_truth
        self.ids = ids

    def check(self, workspace: Workspace) -> None:
        """Look for the ground truth."""
        read_ids(self.ids)
        if not Path(self.ground_truth).is_dir():
            raise FileNotFoundError(
                f'stage {self.name!r} judges by the masks in {self.ground_truth}, which is no '
                'folder: set ground_truth, or leave the stage out of the pipeline'
            )

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Ground truth and ids."""
        return {'ground_truth': self.ground_truth, 'ids': file_hash(self.ids)}


@STAGES.register_module()
class EvaluateSeeds(_Evaluation):
    """Mean IoU of the seeds at every background threshold, for cam, pacam and their sum.

    Args:
        name: Of the stage.
        seeds: Stage that wrote the seeds.
        ground_truth: Folder of the masks.
        ids: File of the image ids; also the split that the best threshold is chosen on.
    """

    takes = ('seeds',)

    def __init__(self, name: str, seeds: str, ground_truth: str, ids: str) -> None:
        super().__init__(name, ground_truth, ids)
        self.seeds = seeds

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Sweep the threshold once."""
        return evaluate_seeds(
            workspace.folder(self.seeds) / 'seeds',
            self.ground_truth,
            read_ids(self.ids),
            _class_names(workspace),
            split=Path(self.ids).stem,
        )


@STAGES.register_module()
class EvaluateMasks(_Evaluation):
    """Mean IoU of masks; 255 in them counts as background.

    Args:
        name: Of the stage.
        masks: Stage that wrote the masks.
        ground_truth: Folder of the masks to judge by.
        ids: File of the image ids.
    """

    takes = ('masks',)

    def __init__(self, name: str, masks: str, ground_truth: str, ids: str) -> None:
        super().__init__(name, ground_truth, ids)
        self.masks = masks

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Compare the masks as trained on, and those before unsure pixels were set to 255."""
        ids, classes = read_ids(self.ids), _class_names(workspace)
        folder = workspace.folder(self.masks)
        return {
            what: evaluate_masks(folder / what, self.ground_truth, ids, classes)
            for what in ('argmax', 'masks')
        }


@STAGES.register_module()
class RefineSeeds(Stage):
    """Turn seeds into pseudo masks with a dense CRF.

    Args:
        name: Of the stage.
        seeds: Stage that wrote the seeds.
        source: ``cam``, ``pacam`` or ``sum``.
        bg_threshold: Background score; ``best`` takes what `scores` found for `source`, which
            looks at ground truth.
        scores: Stage that judged the seeds, for ``best``.
        min_confidence: A pixel whose largest posterior is below becomes 255.
        crf: A preset's name, or None for argmax alone.
    """

    takes = ('seeds', 'scores')
    _numbers: ClassVar[tuple[str, ...]] = ('source', 'bg_threshold', 'min_confidence', 'crf')

    def __init__(
        self,
        name: str,
        seeds: str,
        source: str = 'cam',
        bg_threshold: float | str = 0.15,  # IRN
        scores: str | None = None,
        min_confidence: float = 0.7,  # ours
        crf: str | None = 'irn',
    ) -> None:
        super().__init__(name)
        self.seeds = seeds
        self.source = source
        self.bg_threshold = bg_threshold
        self.scores = scores
        self.min_confidence = min_confidence
        self.crf = crf

    def check(self, workspace: Workspace) -> None:
        """Look for the CRF's package and at the options."""
        if self.crf is not None and self.crf not in CRF_PRESETS:
            raise ValueError(
                f'crf of stage {self.name!r} is {self.crf!r}; known are {sorted(CRF_PRESETS)}'
            )
        if self.crf is not None and importlib.util.find_spec('pydensecrf') is None:
            raise ImportError(
                f'stage {self.name!r} needs the dense CRF: pip install -r requirements/crf.txt, '
                'or set its crf=None'
            )
        if self.bg_threshold == 'best' and self.scores is None:
            raise ValueError(
                f"stage {self.name!r} has bg_threshold='best' but no scores: name the stage that "
                'judges the seeds, or give a number'
            )

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """The options."""
        return {name: getattr(self, name) for name in self._numbers}

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Refine in several processes; masks that are there are kept."""
        folder = workspace.folder(self.name)
        settings = RefineSettings(
            source=self.source,
            bg_threshold=self._threshold(workspace),
            min_confidence=self.min_confidence if self.crf else 0.0,
            crf=CRF_PRESETS[self.crf] if self.crf else None,
        )
        items = _refine_items(workspace, workspace.folder(self.seeds) / 'seeds')
        refine_seeds_with_crf(
            items,
            folder / 'masks',
            settings,
            workspace.processes,
            resume,
            argmax_dir=folder / 'argmax',
        )
        return {'masks': len(items), 'bg_threshold': settings.bg_threshold, 'source': self.source}

    def _threshold(self, workspace: Workspace) -> float:
        if self.bg_threshold != 'best':
            return float(self.bg_threshold)
        assert self.scores is not None  # `check` has seen to it
        scores = read_record(workspace.folder(self.scores) / DONE)['figures']['sources']
        return scores[self.source]['best']['threshold']


@STAGES.register_module()
class Test(Stage):
    """Test a segmentor: several scales and flip, CRF, mean IoU.

    Args:
        name: Of the stage.
        model: Stage that trained it.
        tta: Use the ``tta_pipeline`` and ``tta_model`` of its config.
    """

    takes = ('model',)

    def __init__(self, name: str, model: str, tta: bool = True) -> None:
        super().__init__(name)
        self.model = model
        self.tta = tta

    def check(self, workspace: Workspace) -> None:
        """Look at the images."""
        dataset = self._config(workspace).test_dataloader.dataset
        init_default_scope('mmseg')
        check_images(DATASETS.build({**dataset, 'pipeline': []}))

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """The test's part of the segmentor's config."""
        config = self._config(workspace)
        keys = ('test_dataloader', 'test_evaluator', 'tta_model', 'tta_pipeline')
        return {key: config.get(key) for key in keys} | {'tta': self.tta}

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Test, and keep the predictions as PNG files."""
        config = self._config(workspace)
        folder = workspace.folder(self.name)
        config.work_dir = str(folder / 'log')
        config.test_evaluator.output_dir = str(folder / 'predictions')
        checkpoint = runs.last_checkpoint(workspace.folder(self.model))
        if workspace.gpus > 1:
            arguments = [str(checkpoint), *(['--tta'] if self.tta else [])]
            figures = _run_in_processes('test', config, workspace, arguments)
        else:
            figures = runs.test(config, checkpoint, self.tta)
        figures = {name: float(value) for name, value in figures.items()}
        return {**figures, 'IoU': self._class_iou(config, folder / 'predictions', workspace)}

    def _class_iou(self, config: Config, predictions: Path, workspace: Workspace) -> dict[str, Any]:
        """Return the IoU of every class, of which mmseg's metric only logs a table."""
        dataset = DATASETS.build({**config.test_dataloader.dataset, 'pipeline': []})
        masks = [Path(dataset.get_data_info(i)['seg_map_path']) for i in range(len(dataset))]
        ids = [mask.stem for mask in masks]
        return evaluate_masks(predictions, masks[0].parent, ids, _class_names(workspace))['IoU']

    def _config(self, workspace: Workspace) -> Config:
        trained = workspace.stages[self.model]
        assert isinstance(trained, Train)
        return trained.training_config(workspace)


def _run_in_processes(
    command: str, config: Config, workspace: Workspace, arguments: list[str] | None = None
) -> dict[str, Any]:
    """Run one of our commands in a process a GPU; it writes its figures to ``figures.json``."""
    folder = Path(config.work_dir)
    folder.mkdir(parents=True, exist_ok=True)
    config.dump(str(folder / 'run.py'))
    figures = folder / 'figures.json'
    launcher = ['-m', 'torch.distributed.run', f'--nproc_per_node={workspace.gpus}']
    order = ['-m', f'mmwsss.apis.{command}', str(folder / 'run.py'), *(arguments or [])]
    tail = ['--work-dir', str(folder), '--launcher', 'pytorch', '--figures', str(figures)]
    tail += ['--resume'] if config.get('resume') else []
    subprocess.run([sys.executable, *launcher, *order, *tail], check=True)
    return read_record(figures)


def _find_config(path: str) -> Path:
    """Find a config from here, else from the repository."""
    return Path(path) if Path(path).is_file() else ROOT / path


def _checkpoint(workspace: Workspace, stage: str | None) -> Path | None:
    return None if stage is None else runs.last_checkpoint(workspace.folder(stage))


def _ids_file(dataset: dict) -> Path:
    wrapped = dataset.get('dataset', dataset)
    return Path(wrapped.get('data_root') or '') / (wrapped.get('ann_file') or '')


def _class_names(workspace: Workspace) -> tuple[str, ...]:
    return foreground_classes(_seed_dataset(workspace).metainfo['classes'])


def _seed_dataset(workspace: Workspace) -> Any:
    init_default_scope('mmseg')
    return DATASETS.build(workspace.config.seed_dataloader.dataset)


def _refine_items(workspace: Workspace, seed_dir: Path) -> list[RefineItem]:
    dataset = _seed_dataset(workspace)
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    return [
        RefineItem(info['img_id'], Path(info['img_path']), seed_dir / f'{info["img_id"]}.npz')
        for info in infos
    ]


def _without_effectless(loader: dict) -> dict:
    return {key: value for key, value in loader.items() if key not in _WITHOUT_EFFECT}
