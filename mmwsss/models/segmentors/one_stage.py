"""A segmentor that makes the masks it learns from, in the step in which it learns (WeCLIP)."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.clip_es import normalize_cam
from mmwsss.functional.one_stage import decoder_affinity, online_mask
from mmwsss.models.backbones import OneStageCLIP
from mmwsss.models.cam_heads import CLIPESOutput, OneStageCLIPHead
from mmwsss.models.decode_heads import FrozenCLIPDecoder
from mmwsss.registry import MODELS
from mmwsss.structures import NestedOptions, Range, Settings

from .cam_segmentor import CAMSegmentor, Samples


@dataclass(frozen=True)
class OnlineMaskSettings(Settings):
    """How CAMs become the masks of a step.

    Attributes:
        bg_power: Exponent of the background's score ``(1 - max) ** bg_power``.
        iterations: Steps of PAR.
        stride: PAR sees images made smaller by it.
    """

    where: ClassVar[str] = 'model.masks'

    bg_power: Annotated[float, Range(1e-6)] = 1.0  # WeCLIP
    iterations: Annotated[int, Range(0)] = 20  # WeCLIP's code
    stride: Annotated[int, Range(1)] = 1  # WeCLIP


@dataclass(frozen=True)
class _Sight:
    """What the network sees in a batch."""

    output: CLIPESOutput
    fused: Tensor  # F_u, (B, D, h, w)
    embedding: Tensor  # V, (B, D, h, w)


@MODELS.register_module()
class OneStageSegmentor(CAMSegmentor):
    """A frozen CLIP, its CAMs, and a decoder that learns from them in the same step (WeCLIP).

    ``images -> backbone -> decode_head`` is the segmentor. While it learns, the backbone's GradCAMs
    are spread by its attention, `PAR` makes pseudo masks of them, and the decoder learns from these
    and its affinity from the pairs of their patches. Once `refining` is set, which
    `AffinityRefinementHook` does, that affinity chooses and weights the attention.

    Of a data set it takes images and image labels. A batch that brings masks is refused.

    A plug-in reads the CAMs, and as the last of the features the decoder's embedding, which learns
    from its loss; its maps are fused with the GradCAM before the attention spreads both.

    Args:
        backbone: Config of an `OneStageCLIP`.
        cam_head: Config of an `OneStageCLIPHead`.
        decode_head: Config of a `FrozenCLIPDecoder`; its prototypes, where it has any (VPL), take
            the place of the texts' in `cam_head`, too.
        affinity_loss: Config of a `PairAffinityLoss`, or None: the affinity does not learn.
        masks: Fields of `OnlineMaskSettings` that differ from its defaults.
        prototype_head: Config of a `BasePrototypeHead` without a background of its own, or None.
        data_preprocessor: Config, usually `CAMDataPreProcessor`.
        init_cfg: mmengine's initialisation.

    Attributes:
        refining: Whether the decoder's affinity chooses the attention, a scalar bool.

    Raises:
        ValueError: A part is none of the named, or the plug-in has a background of its own.
    """

    nested_options: ClassVar = {'masks': NestedOptions(OnlineMaskSettings)}

    backbone: OneStageCLIP
    refining: Tensor

    def __init__(
        self,
        backbone: dict,
        cam_head: dict,
        decode_head: dict,
        affinity_loss: dict | None = None,
        masks: dict[str, Any] | None = None,
        prototype_head: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            backbone,
            cam_head,
            prototype_head=prototype_head,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        self.decode_head: FrozenCLIPDecoder = MODELS.build(decode_head)
        self.affinity_loss = None if affinity_loss is None else MODELS.build(affinity_loss)
        self.masks = OnlineMaskSettings(**(masks or {}))
        self.register_buffer('refining', torch.zeros((), dtype=torch.bool))
        self.align_corners = self.decode_head.align_corners  # mmseg's names
        self.num_classes = self.decode_head.num_classes
        self.out_channels = self.decode_head.out_channels
        self._check_parts()

    def _check_parts(self) -> None:
        wanted = {
            'backbone': OneStageCLIP,
            'cam_head': OneStageCLIPHead,
            'decode_head': FrozenCLIPDecoder,
        }
        for name, kind in wanted.items():
            part = getattr(self, name)
            if not isinstance(part, kind):
                raise ValueError(
                    f'model.{name} is a {type(part).__name__}: a OneStageSegmentor needs a '
                    f'mmwsss.{kind.__name__}'
                )
        if self.prototype_head is not None and self.prototype_head.has_background:
            raise ValueError(
                'the plug-in of a OneStageSegmentor is fused with GradCAMs, which have no '
                "background: set model.prototype_head.background='one_minus_max'"
            )

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return what the decoder takes of ``(B, 3, H, W)`` normalised images."""
        return self.backbone.maps(inputs)

    def encode_decode(self, inputs: Tensor, batch_data_samples: Samples | None = None) -> Tensor:
        """Return the logits of ``(B, 3, H, W)`` images, ``(B, 1 + N, H, W)``."""
        logits = self._forward(inputs)
        return resize(logits, inputs.shape[2:], mode='bilinear', align_corners=self.align_corners)

    def _forward(self, inputs: Tensor, data_samples: Samples | None = None) -> Tensor:
        """Return the logits on the grid of the patches, ``(B, 1 + N, h, w)``."""
        return self.decode_head(self.extract_feat(inputs))

    def predict(self, inputs: Tensor, data_samples: Samples | None = None) -> Samples:
        """Segment: set ``seg_logits`` and ``pred_sem_seg``, in the size of the image."""
        return self.postprocess_result(self.encode_decode(inputs), data_samples)

    def compute_cam(self, inputs: Tensor, data_samples: Samples | None = None) -> CLIPESOutput:
        """Return CAMs and the attention's maps of a batch, as a plug-in reads them.

        Args:
            inputs: ``(B, 3, H, W)``, normalised.
            data_samples: With the image labels.

        Raises:
            ValueError: There are no image labels.
        """
        return self._see(inputs, data_samples).output

    def loss(self, inputs: Tensor, data_samples: Samples) -> dict[str, Tensor]:
        """Make the masks of this batch, and return the losses of learning from them (Eq. 10).

        Raises:
            ValueError: A sample has no image label, or brings a mask.
        """
        image_label = self._image_label(data_samples)
        _refuse_masks(data_samples)
        seen = self._see(inputs, data_samples)
        masks = self.make_masks(inputs, seen.output, data_samples)
        learnt = self.decode_head.loss_of_embedding(
            seen.embedding, _with_masks(data_samples, masks)
        )
        losses = {f'decode.{name}': value for name, value in learnt.items()}
        if self.affinity_loss is not None:
            affinity = decoder_affinity(seen.fused.float())
            size = (seen.fused.shape[2], seen.fused.shape[3])
            losses['loss_affinity'] = self.affinity_loss(affinity, masks, size)
        if self.prototype_head is not None:
            losses.update(self.prototype_head.loss(seen.output, image_label))
        return losses

    @torch.no_grad()
    def make_masks(self, inputs: Tensor, output: CLIPESOutput, data_samples: Samples) -> Tensor:
        """Make pseudo masks of the CAMs of a batch.

        Args:
            inputs: ``(B, 3, H, W)``, whose colours PAR compares.
            output: What `compute_cam` returned for them.
            data_samples: With the image labels, and the valid masks, if images are padded.

        Returns:
            ``(B, H, W)`` int64: 0 the background, ``n + 1`` class ``n`` of the image label, and the
            decoder's `ignore_index` in the padding.
        """
        valid, image_label = self._known(inputs, data_samples)
        assert image_label is not None and output.raw is not None
        pacam = self._predict_pacam(output, image_label)
        maps = normalize_cam((output.raw if pacam is None else pacam) * output.valid).float()
        masks = []
        for image, own, label in zip(inputs.float(), maps, image_label, strict=True):
            classes = label.nonzero()[:, 0]
            found = online_mask(
                image,
                own[classes],
                self.masks.bg_power,
                iterations=self.masks.iterations,
                stride=self.masks.stride,
            )
            masks.append(F.pad(classes + 1, (1, 0))[found])
        ignored = valid[:, 0] == 0
        return torch.stack(masks).masked_fill(ignored, self.decode_head.ignore_index)

    def _see(self, inputs: Tensor, data_samples: Samples | None) -> _Sight:
        """Run backbone, decoder and, guided by the decoder, the CAM head."""
        valid, image_label = self._known(inputs, data_samples)
        features = self.backbone(inputs)
        fused = self.decode_head.fuse_blocks(features.maps)
        embedding = self.decode_head.mix(fused)
        guide = decoder_affinity(fused.detach().float()) if self.refining else None
        learnt = len(self.decode_head.background_prototypes) > 0
        guided = replace(
            features,
            decoder_affinity=guide,
            prototypes=self.decode_head.prototypes if learnt else None,
        )
        output = self.cam_head(guided, valid, image_label)
        return _Sight(replace(output, features=(*output.features, embedding)), fused, embedding)


def _refuse_masks(data_samples: Samples) -> None:
    for sample in data_samples:
        if 'gt_sem_seg' in sample:
            raise ValueError(
                f'image {sample.metainfo.get("img_path")} brings a mask, and a OneStageSegmentor '
                'makes its own from the image label: take LoadAnnotations out of train_pipeline'
            )


def _with_masks(data_samples: Samples, masks: Tensor) -> list[SegDataSample]:
    """Return the samples with the masks to learn from; the given ones stay as they are."""
    learnt = []
    for sample, mask in zip(data_samples, masks, strict=True):
        copied = sample.new()
        copied.gt_sem_seg = PixelData(data=mask[None])
        learnt.append(copied)
    return learnt
