"""How many classes the heads have: said once, by the data set."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmseg.models.decode_heads.decode_head import BaseDecodeHead

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.registry import DATASETS, MODELS

from .batch import LOADERS


def settle_class_counts(config: Config, where: str = '') -> None:
    """Give every head that does not say it the number of the data set's classes.

    A head, class tokens, prototypes: whatever of the model takes ``num_classes``. mmseg's decode
    heads count the background, everything else foreground classes alone.

    Args:
        config: Changed in place. One whose data set does not know its classes stays as it is.
        where: Where the config stands, for messages.

    Raises:
        ValueError: A part states another number.
    """
    classes = config_classes(config)
    if classes is None:
        return
    foreground = len(foreground_classes(classes))
    for place, part, with_background in _counting_parts(config):
        count = foreground + with_background
        if part.get('num_classes') is None:
            part['num_classes'] = count
        elif part['num_classes'] != count:
            background = ' and the background' if with_background else ''
            raise ValueError(
                f'{where}{place}.num_classes is {part["num_classes"]}, but the data set has '
                f'{foreground} classes{background}: leave num_classes out, or set it to {count}'
            )


def check_tested_classes(config: Config) -> None:
    """Look whether a network is tested on the classes that it is trained on.

    Raises:
        ValueError: The two data sets of the config have other classes.
    """
    trained, tested = config.get('train_dataloader'), config.get('test_dataloader')
    if not trained or not tested:
        return
    names = [
        foreground_classes(dataset_classes(loader.dataset) or ()) for loader in (trained, tested)
    ]
    if all(names) and names[0] != names[1]:
        shown = [f'{len(part)} ({", ".join(part[:3])}, ...)' for part in names]
        raise ValueError(
            f'the test set has the classes {shown[1]}, but the training has {shown[0]}: set '
            'test_dataloader.dataset to images of the same classes in the same order'
        )


def forget_class_counts(config: Config) -> None:
    """Take away what `settle_class_counts` sets, for another data set in this one's place."""
    for _, part, _ in _counting_parts(config):
        part['num_classes'] = None


def config_classes(config: Config) -> tuple[str, ...] | None:
    """Return the classes of a config's data set, background included where it is one.

    No file is read. None where there is no data set, or its classes are not in the config.
    """
    dataset = _config_dataset(config)
    return None if dataset is None else dataset_classes(dataset)


def config_palette(config: Config) -> list[list[int]] | None:
    """Return the colours of a config's data set in the order of its classes; None without any."""
    return _stated(_config_dataset(config) or {}, 'palette')


def dataset_classes(dataset: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the classes of a data set's config, of a wrapper those of what it wraps."""
    classes = _stated(dataset, 'classes')
    return None if classes is None else tuple(classes)


def _config_dataset(config: Config) -> Mapping[str, Any] | None:
    datasets = ((config.get(loader) or {}).get('dataset') for loader in LOADERS)
    return next((dataset for dataset in datasets if dataset), None)


def _stated(dataset: Mapping[str, Any], key: str) -> Any:
    """Return what a data set's config, or else its class, says of its classes; None if neither."""
    while dataset.get('dataset'):
        dataset = dataset['dataset']
    stated = (dataset.get('metainfo') or {}).get(key)
    if stated is not None or (dataset.get('metainfo') or {}).get('classes'):
        return stated  # colours of the class would be those of other classes
    found = DATASETS.get(dataset.get('type') or '')
    return getattr(found, 'METAINFO', {}).get(key)


def _counting_parts(config: Config) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield the parts of the model that take ``num_classes``, and whether background counts."""
    for place, part in _typed_parts(config.get('model') or {}, 'model'):
        target = MODELS.get(part['type']) if isinstance(part['type'], str) else None
        if not isinstance(target, type):
            continue
        is_decode_head = issubclass(target, BaseDecodeHead)
        if is_decode_head or takes(target, 'num_classes'):
            yield place, part, is_decode_head


def takes(target: type, name: str) -> bool:
    """Whether an argument of a class, or of a base of it, must be given."""
    found = parameter_of(target, name)
    return found is not None and found.default is inspect.Parameter.empty


def parameter_of(target: type, name: str) -> inspect.Parameter | None:
    """Return an argument of a class; the first constructor that has it decides.

    Args:
        target: The class; its bases are asked after it.
        name: Of the argument.
    """
    for owner in target.__mro__:
        if '__init__' in vars(owner):
            parameters = inspect.signature(vars(owner)['__init__']).parameters
            if name in parameters:
                return parameters[name]
    return None


def _typed_parts(node: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if node.get('type'):
            yield where, node
        for key, value in node.items():
            yield from _typed_parts(value, f'{where}.{key}')
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _typed_parts(value, f'{where}[{index}]')
