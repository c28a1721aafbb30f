"""Captions from image labels: what a CLIP is trained on where nobody wrote any."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmwsss.registry import TRANSFORMS

# ours; the first eight are those of VPL Sec. 4.1, the prompts that are used later
TEMPLATES = (
    'a clean origami {}.',
    'itap of a {}.',
    'a bad photo of the {}.',
    'a origami {}.',
    'a photo of the large {}.',
    'a {} in a video game.',
    'art of the {}.',
    'a photo of the small {}.',
    'a photo of a {}.',
)


def write_caption(names: Sequence[str], template: str) -> str:
    """Name things in a sentence.

    Example:
        >>> write_caption(['cat', 'dog'], 'a photo of a {}.')
        'a photo of a cat and a dog.'
    """
    return template.format(' and a '.join(names))


@TRANSFORMS.register_module()
class AddCaption(BaseTransform):
    """Write a caption that names one class of the image, or all of them, in random words.

    After a crop the classes are those of the image label that the pseudo mask still shows. An
    image without any is captioned with a name of the background.

    Required keys: ``gt_label`` ``(N,)``, ``gt_seg_map`` (optional).
    Added keys: ``caption``; ``caption_label`` and ``shown_label``, int64 ``(1 + N,)``, what the
    caption names and what the image shows, background first. The image shows background in this
    sense when it shows no class.

    Args:
        names: The N classes.
        background: Names of what is not a class.
        templates: Sentences with ``{}`` where the names go.
        all_prob: How often all classes are named; else one is. Ours.
        min_share: Share of the crop's pixels that a class needs to be shown. Ours.

    Raises:
        ValueError: There are no names, or a template without ``{}``.
    """

    def __init__(
        self,
        names: Sequence[str],
        background: Sequence[str],
        templates: Sequence[str] = TEMPLATES,
        all_prob: float = 0.3,
        min_share: float = 0.01,
    ) -> None:
        if not (names and background and templates):
            raise ValueError('AddCaption needs names, background names and templates')
        bad = [template for template in templates if '{}' not in template]
        if bad:
            raise ValueError(f'the templates {bad} have no {{}} where the name goes')
        self.names = tuple(names)
        self.background = tuple(background)
        self.templates = tuple(templates)
        self.all_prob = all_prob
        self.min_share = min_share

    def transform(self, results: dict) -> dict:
        """Add the caption and what it names.

        Raises:
            ValueError: The image label is of another number of classes.
        """
        if len(results['gt_label']) != len(self.names):
            raise ValueError(
                f'AddCaption has {len(self.names)} names, {results.get("img_path")} a label of '
                f'{len(results["gt_label"])} classes'
            )
        shown = self._shown_classes(results)
        named = shown
        if len(shown) > 1 and np.random.random() >= self.all_prob:
            named = shown[[np.random.randint(len(shown))]]
        named = np.random.permutation(named)
        words = [self.names[index] for index in named] or [np.random.choice(self.background)]
        results['caption'] = write_caption(words, str(np.random.choice(self.templates)))
        results['caption_label'] = self._with_background(named)
        results['shown_label'] = self._with_background(shown)
        return results

    def _shown_classes(self, results: dict) -> np.ndarray:
        """Return the indices of the labelled classes that the mask shows, if there is one."""
        labelled = np.flatnonzero(results['gt_label'])
        mask = results.get('gt_seg_map')
        if mask is None:
            return labelled
        pixels = np.bincount(mask.ravel(), minlength=len(self.names) + 1)
        return labelled[pixels[labelled + 1] >= max(self.min_share * mask.size, 1)]

    def _with_background(self, classes: np.ndarray) -> np.ndarray:
        label = np.zeros(1 + len(self.names), dtype=np.int64)
        label[classes + 1 if len(classes) else 0] = 1
        return label
