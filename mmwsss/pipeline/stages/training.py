"""Training stages, and the test of a segmentor."""

import copy
from pathlib import Path
from typing import Any, ClassVar

from mmengine.config import Config

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.errors import Faults
from mmwsss.evaluation import MaskNamedIoUMetric
from mmwsss.evaluation.seed_evaluation import evaluate_masks
from mmwsss.pipeline.backbones import foreign_layers, settle_backbone
from mmwsss.pipeline.batch import (
    check_batches,
    early_end_of_rate,
    set_joint_batch,
    share_batch,
    training_processes,
)
from mmwsss.pipeline.class_counts import check_tested_classes, settle_class_counts
from mmwsss.pipeline.config import check_types, merge_options
from mmwsss.pipeline.foreign_options import refuse_odd_values
from mmwsss.pipeline.network import (
    adopt_checkpoint,
    check_backbone,
    check_network,
    check_start,
    check_views,
    last_checkpoint,
)
from mmwsss.pipeline.predictions import MMSEG_METRICS
from mmwsss.pipeline.workspace import Workspace, file_hash, folder_hash, named_files
from mmwsss.registry import STAGES
from mmwsss.seeds.crf import Backend
from mmwsss.structures import check_files_exist

from .base import Stage
from .checks import GROUND_TRUTH_CURE, check_crf, check_ground_truth, crf_recipe
from .images import build_images, check_dataset, foreground_names, loader_recipe, stated
from .networks import other_config
from .processes import run_network

_TRAINING_KEYS = (
    'model',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'custom_hooks',
    'load_from',
    'randomness',
    'auto_scale_lr',
)
_TEST_KEYS = ('test_evaluator', 'tta_model', 'tta_pipeline')


@STAGES.register_module()
class Train(Stage):
    """Train a network.

    Args:
        name: Name of the stage, which is that of its folder.
        config: Another config than the run's: a path from here or from the repository. Its recipe
            is taken, and the run's images, labels and classes.
        masks: Stage whose pseudo masks or ir_labels are learnt from; None to learn from image
            labels alone.
        backbone: Stage whose trained backbone this one begins with; None for the config's own
            initialisation.
        start: Stage whose whole network this one begins with, or None.
        prototypes: Stage that fitted the vision prototypes of the decode head (VPL), or None. This
            one then sees with the same CLIP, whose space they are of.
        checkpoint: A file with the trained network, which takes the place of the training: a
            released one after `mmwsss convert weights`, or one of another run. The stages that the
            training would read are not read.
        options: Changes to the config, as with ``--cfg-options``.
    """

    takes = ('masks', 'backbone', 'start', 'prototypes')
    wants: ClassVar = {'masks': 'masks', 'backbone': 'network', 'start': 'network'}
    gives = 'network'

    def __init__(
        self,
        name: str,
        config: str | None = None,
        masks: str | None = None,
        backbone: str | None = None,
        start: str | None = None,
        prototypes: str | None = None,
        checkpoint: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(name)
        self.config = config
        self.masks = masks
        self.backbone = backbone
        self.start = start
        self.prototypes = prototypes
        self.checkpoint = checkpoint
        self.options = options

    def inputs(self) -> list[str]:
        """Return the stages that the training reads; none if its result is given."""
        return [] if self.checkpoint else super().inputs()

    def network_config(self, workspace: Workspace) -> Config:
        """Return the config of the training, with its folder and its pseudo masks.

        A network that reads its ir_labels when it makes maps, too (AMN), is given the same ones.
        """
        where = f'stages.{self.name}.options'
        if self.config is None:
            config = copy.deepcopy(workspace.config)
            merge_options(config, self.options, where)
            settle_class_counts(config, f'{where}.')
            settle_backbone(config, (workspace.config.get('model') or {}).get('backbone'))
        else:
            config = other_config(self.config, self.options, workspace, where)
        config.work_dir = str(workspace.folder(self.name))
        if self.masks:
            dataset = config.train_dataloader.dataset
            dataset.mask_dir = str(workspace.folder(self.masks) / 'masks')
            seen = (config.get('seed_dataloader') or {}).get('dataset') or {}
            if seen.get('mask_dir'):
                seen['mask_dir'] = dataset.mask_dir
            if any(workspace.corrected(self.masks).glob('*.png')):
                dataset.corrected_dir = str(workspace.corrected(self.masks))
        if self.prototypes in workspace.stages:  # else the checkpoint has them
            clip = self._fitted_config(workspace).model.backbone
            config.model.backbone.update(
                model_name=clip.get('model_name'), pretrained=clip.get('pretrained')
            )
        return config

    def _check_layers(self, config: Config, workspace: Workspace) -> None:
        """Look that the backbone that this one begins with has all of its layers."""
        source = workspace.network_config(self.backbone) if self.backbone else None
        if source is None:
            return
        own, other = config.model.backbone, source.model.backbone
        missing = foreign_layers(own, other)
        if missing:
            raise ValueError(
                f'stages.{self.name}.backbone is {self.backbone!r}, whose {other.type} does not '
                f'have {missing[0]} of the {own.type} of stage {self.name!r}: set '
                f'stages.{self.name}.backbone=None, and it begins with weights of its own'
            )

    def _fitted_config(self, workspace: Workspace) -> Config:
        """Return the config of the stage that fits the prototypes."""
        assert self.prototypes is not None
        config = workspace.network_config(self.prototypes)
        if config is not None and config.model.get('cam_head', {}).get('prototypes'):
            return config
        raise ValueError(
            f'stage {self.name!r} takes the prototypes of {self.prototypes!r}, which fits none: '
            'name a Train stage whose model.cam_head.prototypes are mmwsss.VisionPrototypes'
        )

    def ready_config(self, workspace: Workspace) -> Config:
        """Return the config of the training, with the weights that it begins with."""
        config = self.network_config(workspace)
        if self.backbone:
            config.model.backbone.init_cfg = {
                'type': 'Pretrained',
                'checkpoint': str(last_checkpoint(workspace.folder(self.backbone))),
                'prefix': 'backbone.',
            }
        if self.start:
            config.load_from = str(last_checkpoint(workspace.folder(self.start)))
        if self.prototypes:
            checkpoint = last_checkpoint(workspace.folder(self.prototypes))
            config.model.decode_head.prototypes = {'checkpoint': str(checkpoint)}
        return config

    def check(self, workspace: Workspace) -> None:
        """Look at the weights, at the images and at their labels."""
        config = self.network_config(workspace)
        if self.checkpoint:
            check_network(config.model, self.checkpoint)
            return
        faults = Faults()
        with faults.collect():
            check_types(config)
        with faults.collect():
            check_start(config)
        with faults.collect():
            check_backbone(config.model)
        with faults.collect():
            self._check_layers(config, workspace)
        with faults.collect():
            refuse_odd_values(config, f'stages.{self.name}.options' if self.config else '')
            share_batch(config, _processes(config, workspace))
        workspace.note(early_end_of_rate(config, self.name))
        with faults.collect():
            self._check_images(config, workspace)
        faults.say()

    def _check_images(self, config: Config, workspace: Workspace) -> None:
        dataset = config.train_dataloader.dataset
        # a PseudoMaskDataset is made of masks that are not there yet, but its images are
        images = check_dataset(dataset if 'label_file' in dataset else dataset.dataset, workspace)
        check_batches(config, len(images), _processes(config, workspace), self.name)

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """Everything of the config that decides the weights."""
        config = self.network_config(workspace)
        if self.checkpoint:
            files = named_files(config.model)
            return {
                'checkpoint': file_hash(self.checkpoint),
                'model': config.model,
                **({'frozen': files} if files else {}),
            }
        corrected = {}
        if self.masks:  # the key of that stage counts, not the place of its files
            del config.train_dataloader.dataset['mask_dir']
            if folder := config.train_dataloader.dataset.pop('corrected_dir', None):
                corrected = {'corrected': folder_hash(Path(folder))}
        set_joint_batch(config)
        return {
            **{key: config.get(key) for key in _TRAINING_KEYS},
            'data': loader_recipe(config.train_dataloader),
            'start': file_hash(config.get('load_from') or ''),
            'frozen': named_files({key: config.get(key) for key in ('model', 'custom_hooks')}),
            **stated(config, 'sync_bn', 'efficient_conv_bn_eval'),
            **corrected,
        }

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Train, in as many processes as can share the batch; or take the given network."""
        if self.checkpoint:
            return adopt_checkpoint(self.checkpoint, self.network_config(workspace))
        config = self.ready_config(workspace)
        config.resume = resume
        return run_network('train', config, workspace, _processes(config, workspace))

    def summary(self, figures: dict[str, Any]) -> str:
        """The last checkpoint."""
        return figures['checkpoint']


def _processes(config: Config, workspace: Workspace) -> int:
    """Return how many processes train: of a crew all, else as many as can share the batch."""
    if workspace.crew is not None:
        return workspace.crew.size
    return training_processes(config, workspace.gpus)


@STAGES.register_module()
class Test(Stage):
    """Test a segmentor: several scales and flip, CRF, mean IoU.

    Args:
        name: Name of the stage, which is that of its folder.
        model: Stage that trained it.
        tta: Use the ``tta_pipeline`` and ``tta_model`` of its config.
        title: Of the figure in tables.
        options: Changes to its config, as with ``--cfg-options``.
    """

    takes = ('model',)
    wants: ClassVar = {'model': 'network'}

    def __init__(
        self,
        name: str,
        model: str,
        tta: bool = True,
        title: str = 'segmentor',
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(name)
        self.model = model
        self.tta = tta
        self.title = title
        self.options = options

    @classmethod
    def defaults(cls, config: Config, options: dict[str, Any]) -> dict[str, Any] | None:
        """Return None, and with it no such stage, where the config's ``tested_on`` is None."""
        return None if config.get('tested_on', {}) is None else {}

    def rows(self, figures: dict[str, Any]) -> dict[str, float]:
        """One row."""
        return {self.title: figures['mIoU']}

    def summary(self, figures: dict[str, Any]) -> str:
        """The mean IoU."""
        return f'mIoU {figures["mIoU"]:.1f}'

    def check(self, workspace: Workspace) -> None:
        """Look at the images, their masks and the CRF."""
        config = self._config(workspace)
        if self.tta:
            check_views(
                config,
                f'stage {self.name!r}',
                *('tta_model', 'tta_pipeline'),
                cure=f'add it, or set stages.{self.name}.tta=False',
            )
        check_tested_classes(config)
        dataset = check_dataset(config.test_dataloader.dataset, workspace)
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        masks = [info['seg_map_path'] for info in infos]
        check_files_exist(masks, 'mask', GROUND_TRUTH_CURE)
        classes = foreground_classes(dataset.metainfo['classes'])
        check_ground_truth(masks, infos, classes, workspace)
        check_crf(self.name, *self._crf(config))

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """The test's part of the segmentor's config."""
        config = self._config(workspace)
        changed = {option.partition('.')[0] for option in self.options or ()}
        # of the network's own there is its training's key
        own = sorted(changed & {'model', 'test_cfg'})
        return {
            **{key: config.get(key) for key in (*_TEST_KEYS, *own)},
            'data': loader_recipe(config.test_dataloader),
            'tta': self.tta,
            **crf_recipe(*self._crf(config)),
        }

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Test, and keep the predictions as PNG files."""
        config = self._config(workspace)
        folder = workspace.folder(self.name)
        config.work_dir = str(folder / 'log')
        if config.test_evaluator.type in MMSEG_METRICS:  # not one of the user's own
            config.test_evaluator.type = f'mmwsss.{MaskNamedIoUMetric.__name__}'
        config.test_evaluator.output_dir = str(folder / 'predictions')
        checkpoint = str(last_checkpoint(workspace.folder(self.model)))
        figures = run_network('test', config, workspace, checkpoint=checkpoint, tta=self.tta)
        return {**figures, 'IoU': self._class_iou(config, folder / 'predictions', workspace)}

    def _class_iou(self, config: Config, predictions: Path, workspace: Workspace) -> dict[str, Any]:
        """Return the IoU of every class, of which mmseg's metric only logs a table."""
        dataset = build_images(config.test_dataloader.dataset)
        masks = [Path(dataset.get_data_info(i)['seg_map_path']) for i in range(len(dataset))]
        ids = [mask.stem for mask in masks]
        return evaluate_masks(predictions, masks[0].parent, ids, foreground_names(workspace))['IoU']

    def _crf(self, config: Config) -> tuple[str | None, Backend]:
        """Return the preset of the CRF after the views, None if there is none, and its backend."""
        if not self.tta or config.tta_model.type != 'mmwsss.CRFSegTTAModel':
            return None, 'auto'
        return config.tta_model.get('crf', 'clip_es'), config.tta_model.get('crf_backend', 'auto')

    def _config(self, workspace: Workspace) -> Config:
        config = workspace.network_config(self.model)
        if config is None:
            raise ValueError(f'stage {self.name!r} tests {self.model!r}, which trains nothing')
        merge_options(config, self.options, f'stages.{self.name}.options')
        return config

    def test_dataset(self, workspace: Workspace) -> dict[str, Any]:
        """Return the config of the data set that is tested on."""
        return self._config(workspace).test_dataloader.dataset
