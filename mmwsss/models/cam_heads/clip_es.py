"""The CAM head of CLIP-ES: GradCAM of a frozen CLIP, spread by its attention."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Protocol

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.functional.cam import normalize_by_max, resize_valid
from mmwsss.functional.clip_es import (
    attention_affinity,
    class_logits,
    common_shift_gradient,
    grad_cam,
    log_odds,
    normalize_cam,
)
from mmwsss.functional.mctformer import refine
from mmwsss.models.backbones.frozen_clip import (
    CLIPFeatures,
    leave_block,
    mix_values,
    project_in,
    split_heads,
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

    @torch.no_grad()
    def grad_cams(
        self, features: CLIPFeatures, prototypes: Tensor, image_label: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run the last block, and differentiate the log-odds of each class (`log_odds`).

        Args:
            features: What a `CLIPESBackbone` returned.
            prototypes: ``(P, D)``.
            image_label: ``(B, N)`` of 0 and 1.

        Returns:
            GradCAMs ``(B, N, h, w)`` in [0, 1), zero for absent classes; the last block's tokens
            ``(B, 1 + L, C)``; and its attention among patches, ``(B, L, L)``.
        """
        block = features.clip.blocks[-1]
        activation = block.ln_1(features.tokens)
        projected = project_in(block, activation)
        mixed, attention = mix_values(block, projected)
        last, gradients = self._gradients(features, mixed, prototypes, image_label)
        weights = _channel_weights(block, projected, mixed, gradients)
        patches = activation[:, 1:]
        cam = patches.new_zeros(len(image_label), self.num_classes, *features.size)
        for (images, classes), weight in zip(_present(image_label), weights, strict=True):
            maps = grad_cam(patches[images], weight[images] / patches.shape[1])
            maps = normalize_cam(normalize_cam(maps.unflatten(1, features.size)))  # twice (CLIP-ES)
            cam[images, classes] = maps.to(cam)
        return cam, last, attention[:, 1:, 1:]

    @torch.enable_grad()
    def _gradients(
        self, features: CLIPFeatures, mixed: Tensor, prototypes: Tensor, image_label: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Run the last block from its mixed values ``(B, 1 + L, C)`` on, and differentiate.

        Returns:
            Its tokens, ``(B, 1 + L, C)``; and the gradients of the log-odds of each image's first
            class, of its second, and so on, by the mixed values, each ``(B, 1 + L, C)``.
        """
        mixed = mixed.detach().requires_grad_()
        last = leave_block(features.clip.blocks[-1], features.tokens.detach(), mixed)
        embedding = features.clip.project(last[:, 1:]).mean(dim=1)  # the class token is left out
        logits = class_logits(embedding, prototypes, image_label, self.logit_scale)
        # Images do not meet in the network, so the gradient of the sum holds each image's own.
        scores = [log_odds(logits[images], own).sum() for images, own in _present(image_label)]
        gradients = [torch.autograd.grad(one, mixed, retain_graph=True)[0] for one in scores]
        return last.detach(), gradients

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


@torch.no_grad()
def _channel_weights(
    block: Any, projected: Tensor, mixed: Tensor, gradients: list[Tensor]
) -> list[Tensor]:
    """Sum the gradients by the activation of all patches, from those by the mixed values.

    Args:
        block: The last block.
        projected: Its queries, keys and values, ``(B, T, 3 C)``.
        mixed: Its mixed values, ``(B, T, C)``.
        gradients: By `mixed`, of each score, ``(B, T, C)``.

    Returns:
        Of each score, ``(B, 1, C)`` float32.
    """
    if not gradients:
        return []
    with torch.autocast(projected.device.type, enabled=False):  # it subtracts
        rows = torch.stack([mixed, *gradients]).float()  # (1 + S, B, T, C)
        rows = rows.unflatten(-1, (block.attn.num_heads, -1)).transpose(2, 3)
        found = []
        for heads in split_heads(block, projected.float()):
            some, rows = rows.split([heads[0].shape[1], rows.shape[2] - heads[0].shape[1]], dim=2)
            found.append(common_shift_gradient(*heads, some[0], some[1:]))
        shift = torch.cat(found, dim=3).flatten(2)  # (S, B, 3 C)
        return list((shift @ block.attn.in_proj_weight.float())[:, :, None])


def _present(image_label: Tensor) -> list[tuple[Tensor, Tensor]]:
    """List the present classes of all images, the first of each image together, and so on."""
    rank = image_label.cumsum(dim=1) * image_label  # 1 for an image's first class, 2 for ...
    return [
        (rank == number).nonzero(as_tuple=True)  # type: ignore[misc]
        for number in range(1, int(rank.max()) + 1)
    ]
