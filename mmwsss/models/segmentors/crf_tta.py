"""A segmentor's merged views, refined by a dense CRF."""

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.structures import SegDataSample

from mmwsss.models.batched_views import BatchedViews
from mmwsss.models.views import mean_probability
from mmwsss.registry import MODELS
from mmwsss.seeds.crf import Backend, DenseCRF, crf_from_probabilities, crf_preset
from mmwsss.structures import read_image


@MODELS.register_module()
class CRFSegTTAModel(BatchedViews, SegTTAModel):
    """mmseg's `SegTTAModel` with a dense CRF on the mean probabilities.

    Args:
        module: Config or instance of the segmentor.
        crf: A preset's name; its kernels are used, on all classes that are likely somewhere. None
            for the most likely class of the mean probabilities.
        min_probability: Classes that never exceed it are left out; background always stays.
        data_preprocessor: As in mmengine's `BaseTTAModel`.
        crf_backend: What computes the CRF, as in `DenseCRF`.

    Attributes:
        keep_probability: Whether samples have the mean probabilities of the views, before the CRF,
            as ``seg_probability``, ``(C, H, W)``.
    """

    keep_probability = False

    def __init__(
        self,
        module: object,
        crf: str | None = 'clip_es',
        min_probability: float = 1e-3,  # as the published evaluations
        data_preprocessor: object = None,
        crf_backend: Backend = 'auto',
    ) -> None:
        super().__init__(module, data_preprocessor)
        self.crf = crf_preset(crf, crf_backend)
        self.min_probability = min_probability

    def merge_preds(self, data_samples_list: list[list[SegDataSample]]) -> list[SegDataSample]:
        """Return one sample per image, with ``pred_sem_seg`` after the CRF, if there is one."""
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: list[SegDataSample]) -> SegDataSample:
        probability = mean_probability(views)
        merged = views[0]
        if self.keep_probability:
            merged.seg_probability = PixelData(data=probability)
        label = probability.argmax(dim=0)
        if self.crf is not None:
            refined = self._refine(merged.img_path, probability.cpu().numpy(), self.crf)
            label = torch.from_numpy(refined).to(probability.device)
        merged.pred_sem_seg = PixelData(data=label[None])
        return merged

    def _refine(self, image_path: str, probability: np.ndarray, crf: DenseCRF) -> np.ndarray:
        """Return the label ``(H, W)`` int64 of ``(C, H, W)`` probabilities."""
        likely = np.flatnonzero(probability.max(axis=(1, 2)) > self.min_probability)
        likely = np.union1d([0], likely)
        if len(likely) == 1:
            return np.zeros(probability.shape[1:], dtype=np.int64)
        kept = np.ascontiguousarray(probability[likely])
        posterior = crf_from_probabilities(read_image(image_path), kept / kept.sum(axis=0), crf)
        return likely[posterior.argmax(axis=0)]
