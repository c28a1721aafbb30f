"""The decoder of VPL: it learns on the patch tokens of a frozen CLIP."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmwsss.functional.rsc import present_in_crop, prototype_scores
from mmwsss.models.class_count import refuse_other_class_count
from mmwsss.registry import MODELS
from mmwsss.structures import NestedOptions

_PROTOTYPES = 'model.decode_head.prototypes'
_KEY = 'cam_head.prototypes.vectors'  # of VPL's first phase
_UNSET = (
    f'the decoder has no prototypes: set {_PROTOTYPES}=dict(checkpoint=..., key={_KEY!r}) to a '
    "checkpoint of VPL's first phase before a training, or load a checkpoint of a trained decoder"
)


def read_prototypes(checkpoint: str, key: str = _KEY) -> Tensor:
    """Read prototypes from a checkpoint.

    Args:
        checkpoint: Checkpoint of VPL's first phase.
        key: Name of the tensor in its state dict.

    Returns:
        ``(P, D)``, on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It has no such tensor.
    """
    try:
        loaded = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"there is no checkpoint {checkpoint}: run VPL's first phase, and set "
            f'{_PROTOTYPES}.checkpoint to what it wrote'
        ) from error
    state = loaded.get('state_dict', loaded)
    if key not in state:
        raise ValueError(
            f'{checkpoint} has no {key!r}: set {_PROTOTYPES}.key to the name of its prototypes, '
            f'one of {", ".join(sorted(state)[:10])}, ...'
        )
    return state[key]


@MODELS.register_module()
class FrozenCLIPDecoder(BaseDecodeHead):
    """Embeds CLIP's patch tokens and compares them with frozen prototypes (VPL, phase 2).

    VPL does not describe its decoder; this one is of the kind of WeCLIP (Zhang et al., CVPR 2024).

    The tokens of each block go through an MLP of their own; the results are concatenated, reduced
    by a 1x1 convolution, and mixed by pre-norm transformer layers to the embedding ``V``. There are
    no positions to add, because CLIP's tokens hold theirs. The scores are cosines of ``V`` and the
    prototypes over a temperature, or those of a linear classifier; only the decoder learns.

    The prototypes are buffers. They come from a file when a training begins, and from the decoder's
    own checkpoint ever after: a test does not need the file.

    Args:
        in_channels: Channels of the backbone's maps, one number per block.
        num_classes: Classes with background.
        embed_dims: Channels ``D`` of the embedding, those of the prototypes. None takes them from
            the file of prototypes, which must then be there whenever the model is built.
        channels: Width of the MLPs.
        num_layers: How many transformer layers follow the concatenation.
        num_heads: Attention heads of a layer.
        temperature: Divides the cosines.
        dropout_ratio: Dropout of the transformer layers.
        classifier: ``prototypes``, or ``linear``: a 1x1 convolution in their place, which learns
            (WeCLIP); then there are no prototypes, and `rsc` has nothing to contrast with.
        prototypes: Arguments of `read_prototypes`; the tensor is ``(P, D)``: first the prototypes
            of the foreground classes, then those of background names. None where a checkpoint of
            the decoder brings them.
        rsc: Config of `RSCLoss`, or None for the cross-entropy alone.
        **kwargs: As for mmseg's `BaseDecodeHead` (``loss_decode``, ``align_corners``, ...).

    Raises:
        ValueError: `embed_dims` is not known or no multiple of `num_heads`, the two losses have one
            name, or a linear classifier is to have prototypes.
        FileNotFoundError: `embed_dims` is to come from a file that is not there.
    """

    nested_options: ClassVar = {'prototypes': NestedOptions(read_prototypes)}

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        embed_dims: int | None = 512,  # ViT-B/16
        channels: int = 256,
        num_layers: int = 3,
        num_heads: int = 8,  # ours
        temperature: float = 0.07,  # ours
        dropout_ratio: float = 0.1,  # ours: that of torch's layers
        classifier: Literal['prototypes', 'linear'] = 'prototypes',
        prototypes: dict[str, str] | None = None,
        rsc: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault('init_cfg', None)
        super().__init__(
            list(in_channels),
            channels,
            num_classes=num_classes,
            in_index=list(range(len(in_channels))),
            input_transform='multiple_select',
            dropout_ratio=0,
            **kwargs,
        )
        del self.conv_seg  # the base class's classifier, which would have no gradient
        if classifier == 'linear' and (prototypes is not None or rsc is not None):
            raise ValueError(
                "model.decode_head.classifier='linear' has no prototypes: set prototypes and rsc "
                "to None, or classifier='prototypes'"
            )
        self.temperature = temperature
        self.prototype_source = prototypes
        if embed_dims is None:
            embed_dims = self._read_prototypes().shape[1]
        if embed_dims % num_heads:
            raise ValueError(
                f'embed_dims={embed_dims} cannot be shared by num_heads={num_heads}: choose a '
                'number of heads that divides it'
            )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, channels, 1), nn.GELU(), nn.Conv2d(channels, channels, 1)
            )
            for width in in_channels
        )
        self.fuse = nn.Conv2d(channels * len(in_channels), embed_dims, 1)
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    embed_dims,
                    num_heads,
                    dim_feedforward=4 * embed_dims,
                    dropout=dropout_ratio,
                    activation='gelu',
                    batch_first=True,
                    norm_first=True,
                )
                for _ in range(num_layers)
            )
        )
        self.classifier = nn.Conv2d(embed_dims, num_classes, 1) if classifier == 'linear' else None
        self.class_prototypes: Tensor
        self.background_prototypes: Tensor
        self.register_buffer('class_prototypes', torch.zeros(num_classes - 1, embed_dims))
        self.register_buffer('background_prototypes', torch.zeros(0, embed_dims))
        self.register_load_state_dict_pre_hook(_make_room)
        refuse_other_class_count(self, 'class_prototypes')
        self.rsc = None if rsc is None else MODELS.build(rsc)
        self._check_loss_names()

    @property
    def prototypes(self) -> Tensor:
        """The prototypes ``(P, D)``: first the classes, then the background names."""
        return torch.cat([self.class_prototypes, self.background_prototypes])

    def set_prototypes(self, prototypes: Tensor) -> None:
        """Take prototypes.

        Args:
            prototypes: ``(P, D)``: first those of the foreground classes, then at least one of a
                background name.

        Raises:
            ValueError: They do not fit the head, or one is zero.
        """
        classes, dims = self.class_prototypes.shape
        if prototypes.dim() != 2 or prototypes.shape[1] != dims or len(prototypes) <= classes:
            raise ValueError(
                f'the prototypes have shape {tuple(prototypes.shape)}; {classes} classes and at '
                f'least one background name of {dims} channels are needed: take those of this data '
                'set, and set num_classes and embed_dims of the decode_head'
            )
        if not prototypes.any(dim=1).all():
            raise ValueError(
                'some prototypes are zero: the first phase did not finish, or it wrote them under '
                f'another name; see {_PROTOTYPES}'
            )
        prototypes = prototypes.to(self.class_prototypes)
        self.class_prototypes, self.background_prototypes = (
            part.clone() for part in prototypes.tensor_split([classes])
        )

    def init_weights(self) -> None:
        """Read the prototypes, where the config names a file."""
        super().init_weights()
        if self.prototype_source is not None:
            self.set_prototypes(self._read_prototypes())

    def embed(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the embedding ``V``, ``(B, D, h, w)``, of the backbone's maps."""
        return self.mix(self.fuse_blocks(inputs))

    def fuse_blocks(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return what the blocks' MLPs make of the backbone's maps, ``(B, D, h, w)``."""
        maps = self._transform_inputs(inputs)
        narrow = [block(one) for block, one in zip(self.blocks, maps, strict=True)]
        return self.fuse(torch.cat(narrow, dim=1))

    def mix(self, fused: Tensor) -> Tensor:
        """Return the embedding ``V``, ``(B, D, h, w)``, of what `fuse_blocks` returned."""
        tokens = self.layers(fused.flatten(2).transpose(1, 2))  # (B, h w, D)
        return tokens.transpose(1, 2).unflatten(2, fused.shape[-2:])

    def score(self, embedding: Tensor) -> Tensor:
        """Return the scores ``A``, ``(B, num_classes, h, w)``, of ``(B, D, h, w)``.

        Raises:
            ValueError: There are no prototypes.
        """
        if self.classifier is not None:
            return self.classifier(embedding)
        if not len(self.background_prototypes):
            raise ValueError(_UNSET)
        # the steps of bfloat16 are as large as the differences of cosines
        embedding = embedding.to(torch.promote_types(embedding.dtype, torch.float32))
        with torch.autocast(embedding.device.type, enabled=False):
            return prototype_scores(
                embedding, self.class_prototypes, self.background_prototypes, self.temperature
            )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return logits ``(B, num_classes, h, w)`` on the backbone's grid."""
        return self.score(self.embed(inputs))

    def loss(
        self, inputs: Sequence[Tensor], batch_data_samples: list[SegDataSample], train_cfg: Any
    ) -> dict[str, Tensor]:
        """Return the cross-entropy with the pseudo masks and the regional contrast (Eq. 14).

        Args:
            inputs: The backbone's maps.
            batch_data_samples: With pseudo masks, and for `rsc` with image labels.
            train_cfg: Not used; mmseg's heads are handed it.

        Raises:
            ValueError: There are no prototypes, or `rsc` is set and there are no image labels.
        """
        return self.loss_of_embedding(self.embed(inputs), batch_data_samples)

    def loss_of_embedding(
        self, embedding: Tensor, batch_data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        """Return the losses of an embedding that was made before, as `loss` does.

        Args:
            embedding: ``V``, ``(B, D, h, w)``.
            batch_data_samples: With pseudo masks, and for `rsc` with image labels.

        Raises:
            ValueError: As of `loss`.
        """
        scores = self.score(embedding)
        losses = self.loss_by_feat(scores, batch_data_samples)
        if self.rsc is not None:
            masks = self._stack_batch_gt(batch_data_samples)[:, 0]
            image_label = self._image_label(batch_data_samples)
            present = present_in_crop(image_label, masks)
            valid = _valid_masks(batch_data_samples, scores)
            losses[self.rsc.loss_name] = self.rsc(
                embedding, scores, self.class_prototypes, present, valid, absent=image_label == 0
            )
        return losses

    def _image_label(self, samples: list[SegDataSample]) -> Tensor:
        """Stack the samples' image labels, ``(B, N)``."""
        for sample in samples:
            if 'gt_label' not in sample:
                raise ValueError(
                    f'image {sample.metainfo.get("img_path")} carries no image label for rsc: take '
                    'mmwsss.ImageLabelDataset with a label_file and mask_dir, and pack its samples '
                    'with mmwsss.PackImageLabelInputs; or set model.decode_head.rsc=None'
                )
        labels = torch.stack([sample.gt_label.multi_hot for sample in samples])
        if labels.shape[1] != self.num_classes - 1:
            raise ValueError(
                f'the data set has {labels.shape[1]} foreground classes and the decode_head '
                f'{self.num_classes - 1}: set num_classes, which counts the background'
            )
        return labels

    def _read_prototypes(self) -> Tensor:
        if self.prototype_source is None:
            raise ValueError(
                f'embed_dims=None needs {_PROTOTYPES}; set one of model.decode_head.embed_dims and '
                f'{_PROTOTYPES}'
            )
        return read_prototypes(**self.prototype_source)

    def _check_loss_names(self) -> None:
        several = isinstance(self.loss_decode, nn.ModuleList)
        parts = self.loss_decode if several else [self.loss_decode]
        if self.rsc is not None and self.rsc.loss_name in [part.loss_name for part in parts]:
            raise ValueError(
                f'loss_decode and rsc are both named {self.rsc.loss_name!r}: set another loss_name'
            )


def _make_room(
    head: FrozenCLIPDecoder, state: dict[str, Tensor], prefix: str, *unused: Any
) -> None:
    """Let a checkpoint bring any number of background names."""
    loaded = state.get(prefix + 'background_prototypes')
    if loaded is not None:
        dims = head.class_prototypes.shape[1]
        if loaded.shape[1] != dims:
            raise ValueError(
                f'the prototypes of the checkpoint have {loaded.shape[1]} channels and the model '
                f'{dims}: set model.decode_head.embed_dims'
            )
        head.background_prototypes = head.class_prototypes.new_zeros(loaded.shape)


def _valid_masks(samples: list[SegDataSample], scores: Tensor) -> Tensor:
    """Stack the samples' valid masks, ``(B, 1, H, W)``; without them the whole image is valid."""
    if all('valid_mask' in sample for sample in samples):
        return torch.stack([sample.valid_mask.data for sample in samples])
    return scores.new_ones(len(scores), 1, *scores.shape[-2:])
