"""Stages that write masks: pseudo masks, and IRN's ir_labels."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from mmwsss.pipeline.workspace import DONE, Workspace, content_hash, file_hash, read_record
from mmwsss.registry import STAGES
from mmwsss.seeds.auto_threshold import AUTO, auto_threshold
from mmwsss.seeds.crf import Backend, crf_preset
from mmwsss.seeds.files import Source
from mmwsss.seeds.ir_label import IRLabelSettings, make_ir_labels
from mmwsss.seeds.refine import RefineItem, Refiner, RefineSettings, refine_seeds_with_crf
from mmwsss.seeds.segments import SegmentVote, find_segments
from mmwsss.seeds.thresholds import (
    IRN_THRESHOLDS,
    Power,
    Threshold,
    check_background,
    check_sure_thresholds,
)

from .base import Stage
from .checks import check_crf, check_own_background, check_source, crf_recipe
from .evaluation import EvaluateSeeds
from .images import seeded_images


@STAGES.register_module()
class RefineSeeds(Stage):
    """Turn seeds into pseudo masks with a dense CRF, with PAR, or voted per segment.

    Args:
        name: Name of the stage, which is that of its folder.
        seeds: Stage that wrote the seeds.
        source: ``cam``, ``pacam`` or ``sum``.
        bg_threshold: Background score; ``best`` takes what `scores` found for `source`, which
            looks at ground truth; ``auto`` chooses by the seeds alone (`auto_threshold`); None
            takes the seed's own background map.
        bg_power: Exponent of a background ``(1 - max) ** bg_power`` (CLIP-ES) in the place of
            `bg_threshold`, or None.
        scores: Stage that judged the seeds, for ``best``.
        min_confidence: A pixel whose largest posterior is below becomes 255.
        crf: A preset's name, or None for argmax alone.
        crf_backend: What computes it: ``auto``, ``pydensecrf`` or ``torch`` (`DenseCRF`).
        refiner: ``crf``; ``par``: pixel-adaptive refinement in its place; or ``segments``: the
            labels of the CRF, or of the argmax, are voted per segment (`RefineSettings`).
        segments: Stage that made the segments (`MakeSegments`).
        segment_dir: Folder of segments made elsewhere, in the place of `segments`.
        **settings: Fields of `SegmentVote` that differ from its defaults: ``ballot``,
            ``min_share``, ``min_covered``, ``background_votes``, ``conflict``, ``unelected``.
    """

    takes = ('seeds', 'scores', 'segments')
    wants: ClassVar = {'seeds': 'seeds', 'segments': 'segments'}
    gives = 'masks'
    extra_keywords: ClassVar = SegmentVote
    _numbers: ClassVar[tuple[str, ...]] = (
        'source',
        'bg_threshold',
        'bg_power',
        'min_confidence',
        'refiner',
    )

    def __init__(
        self,
        name: str,
        seeds: str,
        source: Source = 'cam',
        bg_threshold: Threshold | Literal['best', 'auto'] | None = RefineSettings.bg_threshold,
        bg_power: Power | None = None,
        scores: str | None = None,
        min_confidence: Threshold = RefineSettings.min_confidence,
        crf: str | None = 'irn',
        crf_backend: Backend = 'auto',
        refiner: Refiner = RefineSettings.refiner,
        segments: str | None = None,
        segment_dir: str | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name)
        self.seeds = seeds
        self.source = source
        self.bg_threshold = bg_threshold
        self.bg_power = bg_power
        self.scores = scores
        self.min_confidence = min_confidence
        self.crf = crf
        self.crf_backend = crf_backend
        self.refiner = refiner
        self.segments = segments
        self.segment_dir = segment_dir
        self.settings = SegmentVote(**settings)

    def check(self, workspace: Workspace) -> None:
        """Look for the CRF's package and at the options."""
        check_crf(self.name, self._crf(), self.crf_backend)
        check_background(self.bg_threshold, self.bg_power, f'stage {self.name!r}')
        if self.bg_threshold == 'best':
            judge = workspace.stages.get(self.scores or '')
            if not isinstance(judge, EvaluateSeeds):
                raise ValueError(
                    f"stage {self.name!r} has bg_threshold='best' but its scores, {self.scores!r}, "
                    'are of no EvaluateSeeds stage: name the stage that judges the seeds, or give '
                    "a number or 'auto'"
                )
            if judge.seeds != self.seeds:
                raise ValueError(
                    f'stage {self.name!r} refines {self.seeds!r}, but its scores, {self.scores!r}, '
                    f'are of {judge.seeds!r}: name the stage that judges {self.seeds!r}'
                )
        check_source(self.name, self.source, self.seeds, workspace)
        if self.bg_threshold is None and self.bg_power is None:
            check_own_background(self.name, 'bg_threshold', self.source, self.seeds, workspace)
        self._check_segments(workspace)

    def _check_segments(self, workspace: Workspace) -> None:
        """Look whether there will be segments, from one place, where and only where they vote."""
        places = [place for place in (self.segments, self.segment_dir) if place is not None]
        if len(places) != (self.refiner == 'segments'):
            raise ValueError(
                f'stage {self.name!r} has refiner={self.refiner!r}, segments={self.segments!r} and '
                f"segment_dir={self.segment_dir!r}: the refiner 'segments' takes one of the two, a "
                'stage or a folder, and the others none'
            )
        if self.segment_dir is not None:
            self._items(workspace)

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """The options, what computes the CRF, and the segments that no stage made."""
        numbers = {name: getattr(self, name) for name in self._numbers}
        recipe = {**numbers, **crf_recipe(self._crf(), self.crf_backend)}
        if self.refiner == 'segments':
            recipe['vote'] = asdict(self.settings)
        if self.segment_dir is not None:
            paths = [item.segment_path for item in self._items(workspace)]
            recipe['segments'] = content_hash([file_hash(path) for path in paths if path])
        return recipe

    def _items(self, workspace: Workspace) -> list[RefineItem]:
        """List the images with their seeds and segments."""
        items = seeded_images(workspace, workspace.folder(self.seeds) / 'seeds')
        if self.refiner != 'segments':
            return items
        folder = Path(self.segment_dir or workspace.folder(self.segments or '') / 'segments')
        return [replace(item, segment_path=find_segments(folder, item.id)) for item in items]

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Refine in several processes; masks that are there are kept."""
        folder = workspace.folder(self.name)
        items = self._items(workspace)
        curve = {}
        if self.bg_threshold == AUTO:
            curve = auto_threshold([item.seed_path for item in items], self.source)
        settings = RefineSettings(
            source=self.source,
            bg_threshold=curve['threshold'] if curve else self._threshold(workspace),
            bg_power=self.bg_power,
            min_confidence=self.min_confidence,
            crf=crf_preset(self._crf(), self.crf_backend),
            refiner=self.refiner,
            vote=self.settings,
        )
        refine_seeds_with_crf(
            items,
            folder / 'masks',
            settings,
            workspace.processes,
            resume,
            argmax_dir=folder / 'argmax',
        )
        return {
            'masks': len(items),
            'bg_threshold': settings.bg_threshold,
            'bg_power': settings.bg_power,
            'source': self.source,
            'refiner': self.refiner,
            **crf_recipe(self._crf(), self.crf_backend),
            **({'vote': asdict(self.settings)} if self.refiner == 'segments' else {}),
            **({'auto': curve} if curve else {}),
        }

    def summary(self, figures: dict[str, Any]) -> str:
        """Their number, and a threshold that was chosen without masks."""
        chosen = f', threshold {figures["bg_threshold"]:.2f}' if 'auto' in figures else ''
        return f'{figures["masks"]} masks{chosen}'

    def _crf(self) -> str | None:
        """Return the preset's name; None where PAR takes the place of the CRF."""
        return None if self.refiner == 'par' else self.crf

    def _threshold(self, workspace: Workspace) -> float | None:
        if self.bg_threshold is None or self.bg_power is not None:
            return None
        if self.bg_threshold != 'best':
            return float(self.bg_threshold)
        assert self.scores is not None  # `check` has seen to it
        scores = read_record(workspace.folder(self.scores) / DONE)['figures']['sources']
        return scores[self.source]['best']['threshold']


@STAGES.register_module()
class MakeIRLabels(Stage):
    """Write IRN's ir_labels: what of the seeds is sure.

    Args:
        name: Name of the stage, which is that of its folder.
        seeds: Stage that wrote the seeds.
        source: ``cam``, ``pacam`` or ``sum``.
        fg_threshold: Background score of the run whose classes are believed; None for both: the
            own background of the seeds, at the shares of `SURE_SHARES`.
        bg_threshold: Background score, a lower one, of the run whose background is believed.
        crf: A preset's name, or None for argmax alone.
        crf_backend: What computes it: ``auto``, ``pydensecrf`` or ``torch`` (`DenseCRF`).
    """

    takes = ('seeds',)
    wants: ClassVar = {'seeds': 'seeds'}
    gives = 'masks'

    def __init__(
        self,
        name: str,
        seeds: str,
        source: Source = 'cam',
        fg_threshold: Threshold | None = IRN_THRESHOLDS.fg,
        bg_threshold: Threshold | None = IRN_THRESHOLDS.bg,
        crf: str | None = 'irn',
        crf_backend: Backend = 'auto',
    ) -> None:
        super().__init__(name)
        self.seeds = seeds
        self.source = source
        self.fg_threshold = fg_threshold
        self.bg_threshold = bg_threshold
        self.crf = crf
        self.crf_backend = crf_backend

    def check(self, workspace: Workspace) -> None:
        """Look for the CRF's package and at the options."""
        check_crf(self.name, self.crf, self.crf_backend)
        check_sure_thresholds(self.fg_threshold, self.bg_threshold, f'stage {self.name!r}')
        check_source(self.name, self.source, self.seeds, workspace)
        if self.fg_threshold is None:
            check_own_background(self.name, 'fg_threshold', self.source, self.seeds, workspace)

    def recipe(self, workspace: Workspace) -> dict[str, Any]:
        """The options, and what computes the CRF."""
        return {
            'source': self.source,
            'fg_threshold': self.fg_threshold,
            'bg_threshold': self.bg_threshold,
            **crf_recipe(self.crf, self.crf_backend),
        }

    def run(self, workspace: Workspace, resume: bool) -> dict[str, Any]:
        """Decide in several processes; labels that are there are kept."""
        items = seeded_images(workspace, workspace.folder(self.seeds) / 'seeds')
        out_dir = workspace.folder(self.name) / 'masks'
        crf = crf_preset(self.crf, self.crf_backend)
        settings = IRLabelSettings(self.source, self.fg_threshold, self.bg_threshold, crf)
        make_ir_labels(items, out_dir, settings, workspace.processes, resume)
        return {'masks': len(items), **self.recipe(workspace)}

    def summary(self, figures: dict[str, Any]) -> str:
        """Their number."""
        return f'{figures["masks"]} masks'
