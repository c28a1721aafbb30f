"""The vision prototypes of VPL: what they are made of, and how they are fitted."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from mmengine import dist
from mmengine.model import BaseModule
from torch import Tensor

from mmwsss.functional import vision_prototypes as vpl
from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.registry import MODELS
from mmwsss.structures import Range, Settings

from .gather import gather_rows


@dataclass(frozen=True)
class VisionPrototypeSettings(Settings):
    """What vision prototypes are made of, and how they are fitted (VPL, phase 1).

    Attributes:
        phi: CAM threshold of the regions.
        harden: Targets above become one-hot.
        tau_text: ``tau_T``.
        tau_image: ``tau_I``.
        lr: First learning rate of the projected gradient; L-BFGS has none.
        iterations: ``T_w`` of the projected gradient, 0 to keep the text prototypes; L-BFGS ends
            where the KL does, after these or 200 at most.
        regularization: Targets at the ``instance`` or the ``class`` level (Theorem 2).
        sample: What an example is: a ``region``, ``num_pixels`` of each region, or the mean of an
            ``image``.
        num_pixels: Pixels of a region, with ``sample='pixel'``; drawn by torch's own generator,
            which `EpochSeedHook` seeds. Eq. 3 and 7 sum over all pixels: any number above that of
            the patches of an image takes them all.
        normalize: Bring means of regions and images to unit length.
        columns: Fit the prototypes of the ``classes``, with targets over the classes alone (the
            paper's ``W`` has ``N`` columns); the background keeps its text prototypes. With
            ``all``, background names have a share in the targets and learn too, and a region that
            is nearer to one of them than to its class pushes its class away.
        solver: ``lbfgs`` (ours), projected ``gradient`` descent as published, which takes ten times
            as long and ends at a higher KL, or ``shift``: all that learn are moved across the gap
            (Liang et al. 2022; Table 4, "modify gap").
        shift: With ``shift``, by which share of the difference of the means.

    Raises:
        ValueError: An option is none of its choices, or out of its range, or an image's mean is to
            have the target of a class.
    """

    where: ClassVar[str] = 'model.cam_head.prototypes'

    phi: Annotated[float, Range(0, 1)] = 0.4  # VPL Table 6
    harden: Annotated[float, Range(0, 1)] = 0.6  # InMaP
    tau_text: Annotated[float, Range(1e-6)] = 0.01  # VPL Implementation Details
    tau_image: Annotated[float, Range(1e-6)] = 0.03  # VPL Table 5
    lr: Annotated[float, Range(1e-6)] = 10.0  # VPL Implementation Details
    iterations: Annotated[int, Range(0)] = 3000  # VPL Table 7
    regularization: Literal['instance', 'class'] = 'instance'
    sample: Literal['region', 'pixel', 'image'] = 'region'
    num_pixels: Annotated[int, Range(1)] = 4  # ours
    normalize: bool = True
    columns: Literal['classes', 'all'] = 'classes'  # VPL: W is d x N
    solver: Literal['lbfgs', 'gradient', 'shift'] = 'lbfgs'  # ours; VPL: gradient
    # ours: VPL does not say; its gap falls by 0.05 of 0.76
    shift: Annotated[float, Range(0, 1)] = 0.07

    def __post_init__(self) -> None:
        """Check each option, and the two that do not go together."""
        super().__post_init__()
        if self.sample == 'image' and self.regularization == 'class':
            raise ValueError(
                f"{self.where}.regularization 'class' needs examples of one class each: set sample "
                "to 'region' or 'pixel'"
            )


@MODELS.register_module()
class VisionPrototypes(BaseModule):
    """Vision Prototype Learning (VPL, AAAI 2025), phase 1: the state.

    The head that owns it gives the text prototypes (`set_text`) and, batch after batch, its maps
    (`collect`); `VisionPrototypeHook` says when the vision prototypes are fitted to what was
    collected (`fit`). Until then `vectors` are the text prototypes. Where the paper is silent the
    options are the readings; `docs/methods/vpl.md` gives our reasons for the defaults.

    Args:
        num_classes: Foreground classes ``N``, the first rows.
        num_background: Background names, the other rows.
        embed_dims: ``D``.
        init_cfg: mmengine's initialisation.
        **settings: Fields of `VisionPrototypeSettings` that differ from its defaults.

    Attributes:
        text: Text prototypes ``Z``, ``(N + num_background, D)``.
        vectors: Vision prototypes ``W``, the same shape; rows of unit length.
        fitted: Whether `vectors` were fitted, a scalar bool.
        curve: KL of the last fit, empty before; not in the checkpoint.
    """

    extra_keywords: ClassVar = VisionPrototypeSettings

    text: Tensor
    vectors: Tensor
    fitted: Tensor

    def __init__(
        self,
        num_classes: int,
        num_background: int = 25,  # CLIP-ES, VOC; 23 for COCO
        embed_dims: int = 512,  # ViT-B/16
        init_cfg: dict | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(init_cfg)
        self.num_classes = num_classes
        self.settings = VisionPrototypeSettings(**settings)
        size = (num_classes + num_background, embed_dims)
        self.register_buffer('text', torch.zeros(size))
        self.register_buffer('vectors', torch.zeros(size))
        self.register_buffer('fitted', torch.zeros((), dtype=torch.bool))
        refuse_other_class_count(self, 'text')
        self.curve: list[float] = []
        self._collected: list[tuple[Tensor, ...]] = []  # as `_gather` takes them out
        self._images = 0  # that were looked at for them

    @torch.no_grad()
    def set_text(self, vectors: Tensor) -> None:
        """Take the text prototypes; unfitted vision prototypes are the same.

        Args:
            vectors: ``Z``, classes first, ``(N + num_background, D)``; they are normalised.

        Raises:
            ValueError: They are of another number or length, or not those that the vision
                prototypes were fitted from.
        """
        if vectors.shape != self.text.shape:
            raise ValueError(
                f'text prototypes of shape {tuple(vectors.shape)} for {tuple(self.text.shape)} '
                '(names, dimensions): set num_classes, num_background and embed_dims of '
                'model.cam_head.prototypes to those of the text'
            )
        vectors = F.normalize(vectors.to(self.text), dim=1)
        if self.fitted and not torch.allclose(vectors, self.text, atol=1e-4):
            raise ValueError(
                'the vision prototypes were fitted from other text prototypes: keep the names, the '
                'templates and the CLIP of their training, or fit them anew'
            )
        if not self.fitted:
            self.text.copy_(vectors)
            self.vectors.copy_(vectors)

    @torch.no_grad()
    def collect(
        self, features: Tensor, cam: Tensor, image_label: Tensor, valid: Tensor | None = None
    ) -> None:
        """Keep the examples of a batch for the next `fit`.

        Args:
            features: Projected patch features, L2-normalised, ``(B, D, h, w)``.
            cam: Zero in the padding, ``(B, N, h, w)`` in [0, 1].
            image_label: ``(B, N)`` of 0 and 1.
            valid: 1 inside the image, ``(B, 1, h, w)``; None means everywhere. Only the means of
                images need it.
        """
        options, features = self.settings, features.to(self.text)
        if options.sample == 'image':
            valid = torch.ones_like(features[:, :1]) if valid is None else valid
            x = vpl.image_vectors(features, valid, options.normalize)
            image_index = torch.arange(len(x), device=x.device)
            class_index = torch.full_like(image_index, -1)  # an image has no class of its own
        elif options.sample == 'pixel':
            x, image_index, class_index = vpl.pixel_vectors(
                features, cam, image_label, options.phi, options.num_pixels
            )
        else:
            x, image_index, class_index = vpl.region_vectors(
                features, cam, image_label, options.phi, options.normalize
            )
        present, place = image_label[image_index] > 0, image_index + self._images
        self._collected.append((x, present, class_index, place))
        self._images += len(image_label)

    @torch.no_grad()
    def fit(self) -> dict[str, float]:
        """Fit the vision prototypes to all that was collected by all processes, and forget that.

        The first process fits and gives the result to the others.

        Returns:
            ``kl_start``, ``kl_peak`` and ``kl_end`` (mean KL in nats), ``gap_before`` and
            ``gap_after`` (of text and vision prototypes of the classes), ``step`` (of the solver,
            at the end) and ``rows`` (number of examples). The curve is in `curve`.

        Raises:
            ValueError: Nothing was collected.
        """
        x, present, class_index = self._gather()
        if not len(x):
            raise ValueError(
                'there is no region to fit the vision prototypes to: set the text prototypes, run '
                'an epoch that collects, and lower phi if no CAM exceeds it'
            )
        result: list[Any] = [None, None]
        if dist.is_main_process():
            found = self._solve(x, self._target(x, present, class_index))
            self.vectors.copy_(self.text)
            self.vectors[: len(found.prototypes)] = found.prototypes
            result = [self._figures(x, found), found.curve.tolist()]
        dist.broadcast(self.vectors)
        dist.broadcast_object_list(result)
        self.fitted.fill_(True)
        figures, self.curve = result
        return figures

    def _gather(self) -> tuple[Tensor, Tensor, Tensor]:
        """Take out all examples ``(n, D)``, their images' classes ``(n, N)``, and own ``(n,)``."""
        no_index = torch.zeros(0, dtype=torch.long, device=self.text.device)
        empty = (self.text[:0], self.fitted.new_zeros(0, self.num_classes), no_index, no_index)
        collected = zip(empty, *self._collected, strict=True)
        x, present, own, place = (torch.cat(part) for part in collected)
        self._collected.clear()
        self._images = 0
        flags, _ = gather_rows(present.to(x), own, place)
        x, class_index = gather_rows(x, own, place)
        return x, flags > 0, class_index

    def _target(self, x: Tensor, present: Tensor, class_index: Tensor) -> Tensor:
        options, text = self.settings, self._learning(self.text)
        if options.regularization == 'class':
            return vpl.class_level_targets(class_index, text, options.tau_text, options.harden)
        allowed = F.pad(present, (0, len(text) - self.num_classes), value=True)
        return vpl.target_distribution(x, text, allowed, options.tau_text, options.harden)

    def _solve(self, x: Tensor, target: Tensor) -> vpl.Fit:
        options, start = self.settings, self._learning(self.text)
        if options.solver == 'lbfgs':
            most = min(options.iterations, vpl.LBFGS_ITERATIONS)
            return vpl.fit_by_lbfgs(x, target, start, options.tau_image, most)
        if options.solver == 'shift':
            return vpl.fit_by_shift(x, target, start, options.tau_image, options.shift)
        return vpl.fit_by_projected_gradient(
            x, target, start, options.tau_image, options.lr, options.iterations
        )

    def _learning(self, prototypes: Tensor) -> Tensor:
        return prototypes[: self.num_classes] if self.settings.columns == 'classes' else prototypes

    def _figures(self, x: Tensor, found: vpl.Fit) -> dict[str, float]:
        classes = slice(self.num_classes)
        return {
            'kl_start': float(found.curve[0]),
            'kl_peak': float(found.curve.max()),
            'kl_end': float(found.curve[-1]),
            'gap_before': float(vpl.modality_gap(x, self.text[classes])),
            'gap_after': float(vpl.modality_gap(x, found.prototypes[classes])),
            'step': found.step,
            'rows': len(x),
        }
