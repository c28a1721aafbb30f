"""Masks that we made, in the place of the ground truth of a data set."""

from collections.abc import Sequence
from pathlib import Path

from mmwsss.structures import check_files_exist, image_size, read_header

# A mask of ours counts classes as the data set does after its own mappings.
WITHOUT_MAPPING = {'label_map': None, 'reduce_zero_label': False}


def set_mask_paths(
    infos: Sequence[dict], mask_dir: Path, cure: str, check_sizes: bool = True
) -> None:
    """Make ``<mask_dir>/<img_id>.png`` the mask of every item, and look at the files.

    Args:
        infos: Items with ``img_id`` and ``img_path``; ``seg_map_path`` is set, and mappings of the
            ground truth's values are switched off.
        mask_dir: The folder of the masks, one palette or grey PNG per image.
        cure: The command that makes the masks, as in "run ...".
        check_sizes: Whether the headers of all masks and images are compared.

    Raises:
        FileNotFoundError: A mask is missing.
        ValueError: A mask is damaged, in colours, or of another size than its image.
    """
    for info in infos:
        mask_path = mask_dir / f'{info["img_id"]}.png'
        info.update(WITHOUT_MAPPING, seg_map_path=str(mask_path))
    check_files_exist([info['seg_map_path'] for info in infos], 'pseudo-mask', f'{cure} first')
    if check_sizes:
        for info in infos:
            _check_mask_header(info['seg_map_path'], info['img_path'], cure)


def _check_mask_header(mask_path: str, image_path: str, cure: str) -> None:
    """Compare mode and size of a mask with what its image needs, by their headers."""
    try:
        mask = read_header(mask_path)
    except ValueError as error:
        raise ValueError(f'{error}; delete it and {cure} again.') from error
    if mask.mode not in ('P', 'L'):
        raise ValueError(
            f'{mask_path} has mode {mask.mode}; a pseudo-mask is a palette (P) or grey (L) PNG '
            f'that holds class indices: {cure} again.'
        )
    height, width = image_size(image_path)
    if mask.size != (height, width):
        raise ValueError(
            f'{mask_path} is {mask.size[1]}x{mask.size[0]} pixels, but its image {image_path} is '
            f'{width}x{height}; it belongs to another image: {cure} again.'
        )
