"""The CAM head of CLIP-ES: GradCAM of a frozen CLIP, spread by its attention."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Protocol

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.cam import normalize_by_max, resize_valid
from mmwsss.functional.clip_es import (
    attention_affinity,
    class_logits,
    grad_cam,
    log_odds,
    normalize_cam,
)
from mmwsss.functional.mctformer import refine
from mmwsss.models.backbones.frozen_clip import (
    CLIPFeatures,
    attend_projected,
    project_in,
    to_map,
)
from mmwsss.models.text_prototypes import TextPrototypes
from mmwsss.models.views import Views
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput, NestedOptions, Range

from .base import BaseCAMHead, MergedMaps
from .boxes import box_mask


@dataclass(frozen=True, kw_only=True)
class CLIPESOutput(CAMOutput):
    """A `CAMOutput` of a frozen CLIP.

    Attributes:
        vectors: Patch tokens in the space of the prototypes, of length one, ``(B, D, h, w)``.
    """

    vectors: Tensor


class ClassPrototypes(Protocol):
    """What may take the place of the text prototypes, as VPL's `VisionPrototypes` do.

    Attributes:
        vectors: The prototypes, classes first, ``(P, D)``.
    """

    vectors: Tensor

    def set_text(self, vectors: Tensor) -> None:
        """Take the text prototypes, ``(P, D)``."""

    def collect(
        self, features: Tensor, cam: Tensor, image_label: Tensor, valid: Tensor | None = None
    ) -> None:
        """Take in the patch vectors ``(B, D, h, w)`` and maps ``(B, N, h, w)`` of a batch."""


@MODELS.register_module()
class CLIPESHead(BaseCAMHead[CLIPFeatures, CLIPESOutput]):
    """Softmax-GradCAM and class-aware attention-based affinity (CLIP-ES, CVPR 2023).

    Nothing is learnt here. The score of a class is its probability among the present classes and
    the background names; the image is the mean of its patch tokens. GradCAM reads the first norm of
    the last block: one forward of that block per image, and one vector-Jacobian product per class.

    Args:
        num_classes: Foreground classes ``N``.
        embed_dims: ``D`` of the CLIP.
        text: Options of `TextPrototypes`.
        prototypes: Config of prototypes that take the place of the text's (VPL), or None.
        logit_scale: Factor of the cosines.
        box_threshold: Share of a map's maximum above which a cell is in a box.
        box_border: Whether boxes may take in the last row and column; not so in the released code.
        sinkhorn_rounds: Normalisations of the attention.
        init_cfg: mmengine's initialisation.
    """

    own_backbone: ClassVar[bool] = True
    nested_options: ClassVar = {
        'text': NestedOptions(TextPrototypes, given=('num_classes', 'embed_dims'))
    }

    def __init__(
        self,
        num_classes: int,
        embed_dims: int = 512,  # ViT-B/16
        text: dict | None = None,
        prototypes: dict | None = None,
        logit_scale: float = 100.0,  # CLIP
        box_threshold: Annotated[float, Range(0, 1)] = 0.4,  # CLIP-ES, VOC; 0.7 for COCO
        box_border: bool = True,  # ours
        sinkhorn_rounds: int = 3,  # CLIP-ES
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(num_classes, init_cfg)
        self.logit_scale = logit_scale
        self.box_threshold = box_threshold
        self.box_border = box_border
        self.sinkhorn_rounds = sinkhorn_rounds
        self.text = TextPrototypes(num_classes, embed_dims, **(text or {}))
        self.prototypes: ClassPrototypes | None = MODELS.build(prototypes) if prototypes else None

    def forward(
        self, features: CLIPFeatures, valid: Tensor, image_label: Tensor | None = None
    ) -> CLIPESOutput:
        """Compute the maps of the present classes; absent ones are zero.

        Args:
            features: What a `CLIPESBackbone` returned.
            valid: ``(B, 1, H, W)``, 1 inside the image.
            image_label: ``(B, N)`` of 0 and 1.

        Returns:
            With `cam` the GradCAM, `raw` the map after the attention, and `affinity` the
            attention's transition matrix. `features` are the patch tokens before the last block and
            those in the prototypes' space.

        Raises:
            ValueError: There are no image labels, or an image is padded.
        """
        if image_label is None:
            raise ValueError(
                'CLIP-ES makes maps of the classes that an image is labelled with: wrap the data '
                'set in mmwsss.ImageLabelDataset with a label_file'
            )
        prototypes = self._prototypes(features)
        cam, last, attention = self.grad_cams(features, prototypes, image_label)
        cam = self.inside(cam, valid)
        valid = resize_valid(valid, features.size)
        projected = features.clip.project(last)  # (B, 1 + L, D)
        affinity = self.affinity(features, attention)
        vectors = to_map(F.normalize(projected, dim=-1), features.size)
        return CLIPESOutput(
            features=(to_map(features.tokens, features.size), vectors),
            cam=cam,
            valid=valid,
            logits=self.logit_scale * self._cosine(projected, prototypes),
            raw=self.spread(cam, affinity) * valid,
            affinity=affinity,
            vectors=vectors,
        )

    def inside(self, cam: Tensor, valid: Tensor) -> Tensor:
        """Return GradCAMs ``(B, N, h, w)`` as they are inside of the images.

        Args:
            cam: Of the whole images, as `grad_cams` makes them.
            valid: ``(B, 1, H, W)``, 1 inside the image.

        Raises:
            ValueError: An image is padded: CLIP-ES sees whole images.
        """
        if not valid.all():
            raise ValueError(
                'CLIP-ES sees whole images, and padding would change their maps: set '
                'train_dataloader.batch_size and seed_dataloader.batch_size to 1'
            )
        return cam

    def loss(
        self,
        output: CLIPESOutput,
        image_label: Tensor,
        data_samples: list[SegDataSample] | None = None,
    ) -> dict[str, Tensor]:
        """Return no loss: nothing of the host is learnt."""
        return {}

    def collect(self, output: CLIPESOutput, image_label: Tensor) -> None:
        """Hand the patch vectors under the maps to prototypes that are to be learnt (VPL)."""
        if self.prototypes is not None:
            self.prototypes.collect(output.vectors, output.cam, image_label, output.valid)

    def refine_pacam(self, output: CLIPESOutput, pacam: Tensor) -> Tensor:
        """Fuse a plug-in's maps with the GradCAM, and let the attention spread the result.

        Args:
            output: What `forward` returned for the batch.
            pacam: ``(B, N, h, w)``, non-negative.

        Returns:
            ``(B, N, h, w)``.
        """
        assert output.affinity is not None
        fused = normalize_cam(output.cam + normalize_by_max(pacam))
        return self.spread(fused * output.valid, output.affinity) * output.valid

    def merge_views(self, views: Views) -> MergedMaps:
        """Stretch maps to [0, 1] by their minimum and maximum on the patches, and then resize them.

        The order is CLIP-ES's: what is between the patches of a map's extremes stays below 1 and
        above 0. CLIP-ES has one view; of several the mean is taken (ours). The background is not
        stored: it is a power of what the maps leave, see `RefineSettings`.

        Args:
            views: What `view_maps` returned for each view of one image.
        """
        return MergedMaps(_mean_of_stretched(views))

    def merge_pacam(self, views: Views) -> Tensor:
        """Stretch a plug-in's maps as the host's own, ``(k, h, w)`` in [0, 1].

        Args:
            views: What `refine_pacam` returned for each view of one image.
        """
        return _mean_of_stretched(views)

    def _prototypes(self, features: CLIPFeatures) -> Tensor:
        text = self.text(features.clip)
        if self.prototypes is None:
            return text
        self.prototypes.set_text(text)
        return self.prototypes.vectors

    @torch.enable_grad()
    def grad_cams(
        self, features: CLIPFeatures, prototypes: Tensor, image_label: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run the last block, and differentiate each class's probability.

        Args:
            features: What a `CLIPESBackbone` returned.
            prototypes: ``(P, D)``.
            image_label: ``(B, N)`` of 0 and 1.

        Returns:
            GradCAMs ``(B, N, h, w)`` in [0, 1), zero for absent classes; the last block's tokens
            ``(B, 1 + L, C)``; and its attention among patches, ``(B, L, L)``.
        """
        block = features.clip.blocks[-1]
        activation = block.ln_1(features.tokens).detach()
        projected = project_in(block, activation).detach()
        # Added to all patches, so that its gradient is the sum of theirs: the projection is linear,
        # and turns the sum into that of the activation's gradients.
        shift = projected.new_zeros(len(projected), 1, projected.shape[-1], requires_grad=True)
        projected = torch.cat([projected[:, :1], projected[:, 1:] + shift], dim=1)
        last, attention = attend_projected(block, features.tokens, projected)
        embedding = features.clip.project(last[:, 1:]).mean(dim=1)  # the class token is left out
        logits = class_logits(embedding, prototypes, image_label, self.logit_scale)
        patches = activation[:, 1:]
        cam = patches.new_zeros(len(image_label), self.num_classes, *features.size)
        for image_index, class_index in _present(image_label):
            odds = log_odds(logits[image_index], class_index)
            # Images do not meet in the network, so the gradient of the sum holds each image's own.
            gradient = torch.autograd.grad(odds.sum(), shift, retain_graph=True)[0]
            gradient = gradient.to(patches) @ block.attn.in_proj_weight.detach() / patches.shape[1]
            maps = grad_cam(patches[image_index], gradient[image_index])
            maps = normalize_cam(normalize_cam(maps.unflatten(1, features.size)))  # twice (CLIP-ES)
            cam[image_index, class_index] = maps
        return cam, last.detach(), attention[:, 1:, 1:].detach()

    def affinity(self, features: CLIPFeatures, attention: Tensor) -> Tensor:
        """Make the transition matrix of the last blocks' attention.

        Args:
            features: With the attention of the blocks before the last.
            attention: Of the last block, ``(B, L, L)``.

        Returns:
            ``(B, L, L)``.
        """
        mean = (features.attention + attention) / features.clip.num_attention_blocks
        return attention_affinity(mean, self.sinkhorn_rounds)

    def _cosine(self, projected: Tensor, prototypes: Tensor) -> Tensor:
        """Return the cosine of every image and class, ``(B, N)``."""
        embedding = F.normalize(projected[:, 1:].mean(dim=1), dim=1)
        return embedding @ F.normalize(prototypes[: self.num_classes], dim=1).T

    def spread(self, cam: Tensor, affinity: Tensor) -> Tensor:
        """Let maps ``(B, N, h, w)`` spread from their boxes over an affinity ``(B, L, L)``."""
        return refine(cam * box_mask(cam, self.box_threshold, self.box_border), affinity)


def _mean_of_stretched(views: Views) -> Tensor:
    return replace(views, maps=[normalize_cam(maps) for maps in views.maps]).mean()


def _present(image_label: Tensor) -> list[tuple[Tensor, Tensor]]:
    """List the present classes of all images, the first of each image together, and so on."""
    rank = image_label.cumsum(dim=1) * image_label  # 1 for an image's first class, 2 for ...
    return [
        (rank == number).nonzero(as_tuple=True)  # type: ignore[misc]
        for number in range(1, int(rank.max()) + 1)
    ]
