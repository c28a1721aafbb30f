"""The classification network whose class activation maps become seeds."""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor

from mmwsss.registry import MODELS
from mmwsss.structures import CAMOutput

Samples = list[SegDataSample]


@MODELS.register_module()
class CAMSegmentor(BaseSegmentor):
    """Backbone, neck and CAM head, with an optional prototype head plugged in.

    ``images -> backbone -> neck -> cam_head -> CAMOutput -> prototype_head``. Without
    `prototype_head` it is the host, to the last bit of its loss.

    Args:
        backbone: Config; returns a tuple of stage features.
        cam_head: Config; turns features, valid mask and image label into a `CAMOutput`, and has a
            `loss`.
        neck: Config or None.
        prototype_head: Config or None; has `loss` and `predict` on a `CAMOutput`.
        data_preprocessor: Config, usually `CAMDataPreProcessor`.
        init_cfg: mmengine's initialisation.
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
        self.cam_head = MODELS.build(cam_head)
        # last and with draws of its own, so that the host draws the same initial weights with and
        # without it, here and in `init_weights`
        with torch.random.fork_rng(devices=[]):
            self.prototype_head: Any = MODELS.build(prototype_head) if prototype_head else None

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
        samples = data_samples or []
        if samples and 'valid_mask' in samples[0]:
            valid = torch.stack([sample.valid_mask.data for sample in samples])
        else:
            valid = torch.ones_like(inputs[:, :1])
        labelled = samples and 'gt_label' in samples[0]
        image_label = self._image_label(samples) if labelled else None
        return self.cam_head(self.extract_feat(inputs), valid, image_label)

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

        `cam_view` is a `PixelData` with ``cam`` and, with a prototype head, ``pacam``, each
        ``(k, h, w)``, non-negative and not normalised, as views are merged by `CAMTTAModel`. Of a
        host whose softmax has a background it holds the ``logits`` of all classes,
        ``(N + 1, h, w)``, in the place of ``cam``. Its meta information ``classes`` lists the ``k``
        foreground classes (0-based).

        Raises:
            ValueError: A sample has no image label: seeds are made for labelled images.
        """
        image_label = self._image_label(data_samples)
        output = self.compute_cam(inputs, data_samples)
        maps = {}
        if not output.has_pixel_logits:
            raw = output.cam if output.raw is None else output.raw
            maps['cam'] = F.relu(raw) * output.valid
        if self.prototype_head is not None:
            pacam = self.prototype_head.predict(output, image_label)
            size = output.cam.shape[-2:]
            pacam = F.interpolate(pacam, size, mode='bilinear', align_corners=False)
            # a host without a training spreads maps afterwards, and so a plug-in's
            refine = getattr(self.cam_head, 'refine_pacam', None)
            maps['pacam'] = refine(output, pacam) if refine else pacam
        for index, sample in enumerate(data_samples):
            classes = image_label[index].nonzero()[:, 0]
            view = PixelData(metainfo={'classes': classes.tolist()})
            for name, values in maps.items():
                view.set_field(values[index, classes], name, dtype=Tensor)
            if output.raw is not None and output.has_pixel_logits:
                view.set_field(output.raw[index], 'logits', dtype=Tensor)
            sample.cam_view = view
        return data_samples

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
        for part in (self.cam_head, self.prototype_head):
            if hasattr(part, 'collect'):
                part.collect(output, image_label)

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
        stacked = torch.stack(labels)
        if stacked.shape[1] != self.cam_head.num_classes:
            raise ValueError(
                f'the data set has {stacked.shape[1]} foreground classes and the model '
                f'{self.cam_head.num_classes}: set num_classes of its heads'
            )
        return stacked
