"""The views of a labelled image under a segmentor, merged into its seed."""

from mmseg.models.segmentors import SegTTAModel
from mmseg.structures import SegDataSample

from mmwsss.models.batched_views import BatchedViews
from mmwsss.models.views import mean_probability
from mmwsss.registry import MODELS
from mmwsss.seeds.files import Seed


@MODELS.register_module()
class SegmentorSeedTTAModel(BatchedViews, SegTTAModel):
    """Test-time augmentation of a segmentor on images whose image label is known.

    So a trained segmentor (VPL's decoder) makes pseudo masks for another one: what follows is the
    way of all seeds, `RefineSeeds` with ``bg_threshold=None``. The seed has the mean probabilities
    of the background and of the present classes, divided by their sum; absent classes are left out.

    It takes a segmentor as `module`, and `data_preprocessor`, as mmengine's `BaseTTAModel`.
    """

    def merge_preds(self, data_samples_list: list[list[SegDataSample]]) -> list[SegDataSample]:
        """Return one sample per image, with its `Seed` as ``pred_seed``."""
        return [_merge(views) for views in data_samples_list]


def _merge(views: list[SegDataSample]) -> SegDataSample:
    merged = views[0]
    if 'gt_label' not in merged:
        raise ValueError(
            f'image {merged.img_path} has no image label, and absent classes must be left out: '
            'seed_dataloader.dataset must be a mmwsss.ImageLabelDataset, and its pipeline must '
            'end in mmwsss.PackImageLabelInputs'
        )
    probability = mean_probability(views)  # (N + 1, H, W)
    classes = merged.gt_label.multi_hot.nonzero().flatten().to(probability.device)
    height, width = probability.shape[-2:]
    background, maps = probability[0], probability[classes + 1]
    total = (background + maps.sum(dim=0)).clamp(min=1e-12)  # of softmaxes that leave nothing
    merged.pred_seed = Seed(
        classes=classes.cpu().numpy(),
        cam=(maps / total).clamp(max=1).cpu().numpy(),
        size=(height, width),
        background=(background / total).clamp(max=1).cpu().numpy(),
    )
    return merged
