"""The classification network whose class activation maps become seeds."""

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmwsss.functional.cells import pad_to_cells, spread_over_image
from mmwsss.functional.cpu_copy import cpu_copy, send, stack
from mmwsss.models.cam_heads import BaseCAMHead
from mmwsss.models.prototypes import BasePrototypeHead
from mmwsss.models.weights import refuse_partial_load
from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput

Samples = list[SegDataSample]


@MODELS.register_module()
class CAMSegmentor(BaseSegmentor):
    """Backbone, neck and CAM head, with an optional prototype head plugged in.

    ``images -> backbone -> neck -> cam_head -> CAMOutput -> prototype_head``. Without
    `prototype_head` it is the host, to the last bit of its loss.

    Args:
        backbone: Config; returns a tuple of stage features. One whose maps consist of whole cells,
            the last of which may stick out of the image, says so by `cell_size`, their side in
            pixels; those of others span the image.
        cam_head: Config of a `BaseCAMHead`.
        neck: Config or None.
        prototype_head: Config of a `BasePrototypeHead`, or None.
        data_preprocessor: Config, usually `CAMDataPreProcessor`.
        init_cfg: mmengine's initialisation.

    Raises:
        ValueError: A head does not derive from its contract, or the two have other classes.
    """

    def __init__(
        self,
        backbone: dict,
        cam_head: dict,
        neck: dict | None = None,
        prototype_head: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck) if neck else None
        self.cam_head: BaseCAMHead = MODELS.build(cam_head)
        _check_contract('cam_head', self.cam_head, BaseCAMHead)
        self.prototype_head = _plug_in(prototype_head, self.cam_head)  # last: see there
        # a plug-in may be added to a trained host
        refuse_partial_load(self, begins_anew=('prototype_head',))

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the stage features of ``(B, 3, H, W)`` normalised images."""
        features = self.backbone(inputs)
        return self.neck(features) if self.neck is not None else features

    def encode_decode(self, inputs: Tensor, batch_data_samples: Samples) -> Tensor:
        """Return the CAMs of all classes, ``(B, N, h, w)`` in [0, 1]."""
        return self.compute_cam(inputs, batch_data_samples).cam

    def compute_cam(self, inputs: Tensor, data_samples: Samples | None = None) -> CAMOutput:
        """Run the host.

        Args:
            inputs: ``(B, 3, H, W)``, normalised.
            data_samples: With the image labels, which some hosts need for their maps, and the valid
                masks, without which the whole of `inputs` counts.

        Raises:
            ValueError: The host needs image labels, and there are none.
        """
        valid, image_label = self._known(inputs, data_samples)
        return self.cam_head(self.extract_feat(inputs), valid, image_label)

    def _known(self, inputs: Tensor, data_samples: Samples | None) -> tuple[Tensor, Tensor | None]:
        """Return where the images are, ``(B, 1, H, W)``, and their labels, if there are any."""
        samples = data_samples or []
        if samples and 'valid_mask' in samples[0]:
            valid = torch.stack([sample.valid_mask.data for sample in samples])
        else:
            valid = torch.ones_like(inputs[:, :1])
        if self.cell_size:
            valid = pad_to_cells(valid, self.cell_size)  # what the maps cover
        labelled = samples and 'gt_label' in samples[0]
        return valid, self._image_label(samples) if labelled else None

    def loss(self, inputs: Tensor, data_samples: Samples) -> dict[str, Tensor]:
        """Return the host's losses and, if plugged in, the prototype head's.

        Raises:
            ValueError: A sample has no image label, one of another length, or no mask though the
                host learns from masks; or two parts give a loss of the same name.
        """
        image_label = self._image_label(data_samples)
        output = self.compute_cam(inputs, data_samples)
        losses = self.cam_head.loss(output, image_label, data_samples)
        if self.prototype_head is not None:
            added = self.prototype_head.loss(output, image_label)
            if twice := losses.keys() & added.keys():
                raise ValueError(f'cam_head and prototype_head both return {sorted(twice)}')
            losses = {**losses, **added}
        return losses

    def predict(self, inputs: Tensor, data_samples: Samples) -> Samples:
        """Set `cam_view` on every sample: the maps of the present classes of this view.

        `cam_view` is a `PixelData` with ``maps``, ``(K, h, w)``, which the host chooses
        (`BaseCAMHead.view_maps`), and, with a prototype head, ``pacam``, ``(k, h, w)``,
        non-negative and not normalised (``(1 + k, h, w)`` where the head has a background of its
        own); `CAMTTAModel` merges views by them. Its meta information ``classes`` lists the ``k``
        foreground classes (0-based).

        Raises:
            ValueError: A sample has no image label: seeds are made for labelled images.
        """
        image_label = self._image_label(data_samples)
        output = self.compute_cam(inputs, data_samples)
        pacam = self._predict_pacam(output, image_label)
        size = (inputs.shape[-2], inputs.shape[-1])
        labels = cpu_copy(image_label)
        for index, (sample, label) in enumerate(zip(data_samples, labels, strict=True)):
            known = label.nonzero()[:, 0]
            classes = send(known, inputs.device)
            view = PixelData(metainfo={'classes': known.tolist()})
            maps = self.cam_head.view_maps(output, index, classes)
            view.set_field(self._over_image(maps, size), 'maps', dtype=Tensor)
            if pacam is not None:
                channels = self._pacam_channels(classes)
                maps = pacam[index, channels]
                view.set_field(self._over_image(maps, size), 'pacam', dtype=Tensor)
            sample.cam_view = view
        return data_samples

    @property
    def cell_size(self) -> int | None:
        """Side of a cell of the backbone's maps in pixels; None where they span the image."""
        return getattr(self.backbone, 'cell_size', None)

    def _over_image(self, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """Bring ``(K, h, w)`` of a view to the image, where their last cells stick out of it."""
        return maps if self.cell_size is None else spread_over_image(maps, self.cell_size, size)

    def _predict_pacam(self, output: CAMOutput, image_label: Tensor) -> Tensor | None:
        """Return the plug-in's maps on the host's grid, or None without one.

        They are ``(B, N, h, w)``, or ``(B, N + 1, h, w)`` with a background. The host refines
        classes alone: what it adds or multiplies would leave their background behind.
        """
        if self.prototype_head is None:
            return None
        pacam = self.prototype_head.predict(output, image_label)
        size = output.cam.shape[-2:]
        pacam = F.interpolate(pacam, size, mode='bilinear', align_corners=False)
        if self.prototype_head.has_background:
            return pacam
        return self.cam_head.refine_pacam(output, pacam)

    def _pacam_channels(self, classes: Tensor) -> Tensor:
        """Return the channels of the plug-in's maps that an image needs."""
        if self.prototype_head is None or not self.prototype_head.has_background:
            return classes
        return F.pad(classes + 1, (1, 0))

    def collect(self, data: dict) -> None:
        """Hand one batch to what is made of features without gradient or loss.

        These are the prototype head's bank, and prototypes of the CAM head.

        Args:
            data: A batch as the training data loader gives it.
        """
        data = self.data_preprocessor(data, training=True)
        image_label = self._image_label(data['data_samples'])
        with torch.no_grad():
            output = self.compute_cam(data['inputs'], data['data_samples'])
        self.cam_head.collect(output, image_label)
        if self.prototype_head is not None:
            self.prototype_head.collect(output, image_label)

    def _forward(self, inputs: Tensor, data_samples: Samples | None = None) -> Tensor:
        """Return the CAMs of all classes, ``(B, N, h, w)``."""
        return self.compute_cam(inputs, data_samples).cam

    def _image_label(self, data_samples: Samples) -> Tensor:
        """Stack the samples' image labels, ``(B, N)``."""
        labels = []
        for sample in data_samples:
            if 'gt_label' not in sample:
                raise ValueError(
                    f'image {sample.metainfo.get("img_path")} carries no image label: wrap its '
                    'data set in mmwsss.ImageLabelDataset with a label_file, and pack its samples '
                    'with mmwsss.PackImageLabelInputs'
                )
            labels.append(sample.gt_label.multi_hot)
        stacked = stack(labels)
        if stacked.shape[1] != self.cam_head.num_classes:
            raise ValueError(
                f'the data set has {stacked.shape[1]} foreground classes and the model '
                f'{self.cam_head.num_classes}: set num_classes of its heads'
            )
        return stacked


def _plug_in(config: dict | None, host: BaseCAMHead) -> BasePrototypeHead | None:
    """Build the prototype head, if there is one.

    It draws from generators of its own and is the last part of the model, so that the host draws
    the same initial weights with and without it, here and in `init_weights`.
    """
    if not config:
        return None
    with torch.random.fork_rng(devices=[]):
        head: BasePrototypeHead = MODELS.build(config)
    _check_contract('prototype_head', head, BasePrototypeHead)
    if head.num_classes != host.num_classes:
        raise ValueError(
            f'model.cam_head has {host.num_classes} classes and model.prototype_head '
            f'{head.num_classes}: set num_classes of both to that of the data set'
        )
    return head


def _check_contract(option: str, head: nn.Module, contract: type) -> None:
    if not isinstance(head, contract):
        raise ValueError(
            f'model.{option} is a {type(head).__name__}, which is no {contract.__name__}: derive '
            f'it from mmwsss.models.{contract.__name__}, as docs/add_a_method.md shows'
        )
