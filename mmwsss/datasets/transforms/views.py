"""The views of an image that trainings and merged predictions see, each in one line of a config."""

from collections.abc import Sequence

from mmcv.transforms import Compose, TestTimeAug

from mmwsss.registry import TRANSFORMS
from mmwsss.structures import Count, Positive, PositivePair, Share


@TRANSFORMS.register_module()
class RandomView(Compose):
    """A training's view: random size, random flip, random crop with padding.

    The same as mmcv's `RandomResize` with the aspect kept and `PillowResize`, `RandomFlip` and
    `RandomPadCrop`, one after the other.

    Required keys: ``img``, ``seg_fields`` (optional). For what is added see `RandomPadCrop`.

    Args:
        size: The long side, in pixels, that `ratio_range` is of.
        ratio_range: The long side is drawn evenly from ``size * ratio_range``.
        crop_size: Height and width of the crop, or one number for both.
        flip_prob: Of a horizontal flip.
        interpolation: Of the image, as for `PillowResize`; masks are resized to the nearest pixel.
    """

    def __init__(
        self,
        size: Count,
        ratio_range: PositivePair,
        crop_size: Count | tuple[Count, Count],
        flip_prob: Share = 0.5,
        interpolation: str = 'bicubic',
    ) -> None:
        super().__init__(
            [
                {
                    'type': 'RandomResize',
                    # of a pair of scales mmcv would draw both sides by themselves, and the long
                    # side would not be even
                    'scale': (size, size),
                    'ratio_range': ratio_range,
                    'resize_type': 'mmwsss.PillowResize',
                    'keep_ratio': True,
                    'interpolation': interpolation,
                },
                {'type': 'RandomFlip', 'prob': flip_prob},
                {'type': 'mmwsss.RandomPadCrop', 'crop_size': crop_size},
            ]
        )


@TRANSFORMS.register_module()
class MultiScaleFlip(TestTimeAug):
    """The views that are merged to one prediction: every scale, as it is and flipped.

    The same as mmcv's `TestTimeAug` with its lists written out, and with `PillowResize`.

    Args:
        scales: Factors of the sides, in the order of the views.
        size: Height and width that the image is stretched to, in the place of `scales`; with
            none of the three the image keeps its size.
        long_sides: Long sides of the views in pixels, in the place of `scales`: for images of many
            sizes, which a network sees as large as those that it has learnt from.
        size_divisor: Sides are stretched to multiples of it, or None; not with mmcv's `Resize`.
        flip: Whether each view is followed by its mirror image.
        annotations: Whether the mask of ``seg_map_path`` is read, in the size of the image.
        interpolation: How the image is resized, as mmcv names it.
        resize: Type of the transform that resizes: ``mmwsss.PillowResize`` as the released hosts
            do, or mmcv's ``Resize``, which is OpenCV's.
        pack: Type of the transform that packs a view.

    Raises:
        ValueError: Two of `scales`, `size` and `long_sides` are given.
    """

    def __init__(
        self,
        scales: Sequence[Positive] = (),
        size: tuple[Count, Count] | None = None,
        long_sides: Sequence[Count] = (),
        size_divisor: Count | None = None,
        flip: bool = True,
        annotations: bool = False,
        interpolation: str = 'bicubic',
        resize: str = 'mmwsss.PillowResize',
        pack: str = 'mmwsss.PackImageLabelInputs',
    ) -> None:
        if sum(map(bool, (scales, size, long_sides))) > 1:
            raise ValueError(
                f'give one of scales={scales}, size={size} and long_sides={long_sides}'
            )
        sizes: list[dict] = [{'scale_factor': scale, 'keep_ratio': True} for scale in scales]
        sizes += [{'scale': (side, side), 'keep_ratio': True} for side in long_sides]
        if size:
            sizes = [{'scale': (size[1], size[0]), 'keep_ratio': False}]
        elif size_divisor and not sizes:
            sizes = [{'scale_factor': 1.0}]
        common: dict = {'type': resize, 'interpolation': interpolation}
        if size_divisor:
            common['size_divisor'] = size_divisor
        steps = [
            [{**common, **options} for options in sizes],
            [{'type': 'RandomFlip', 'prob': prob} for prob in ((0.0, 1.0) if flip else (0.0,))],
            [{'type': 'LoadAnnotations'}] if annotations else [],
            [{'type': pack}],
        ]
        super().__init__([step for step in steps if step])
