"""Networks of a run as ONNX: for use without torch, checked with ONNX Runtime when written."""

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmwsss.datasets.image_labels import foreground_classes
from mmwsss.structures import atomic_path

from .class_counts import config_classes
from .finding import find_network
from .network import load_network

TOLERANCE = 1e-4  # of what ONNX Runtime may differ from torch, times the largest value over 1
# ours: (H, W) of the check, none of them a square; the second is no multiple of any stride
SIZES = ((192, 256), (283, 219))
_PACKAGES = ('onnx', 'onnxscript', 'onnxruntime')
_INPUT = 'float32 (batch, 3, height, width), RGB from 0 to 255; the normalisation is inside'


class SegmentorGraph(nn.Module):
    """What is exported of a segmentor.

    Args:
        network: mmseg's `EncoderDecoder`.
    """

    outputs = {'logits': 'float32 (batch, classes, height, width), background first'}

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits ``(B, C, H, W)`` of ``(B, 3, H, W)`` RGB in [0, 255]."""
        features = self.network.extract_feat(_normalise(self.network, image))
        logits = self.network.decode_head(features)
        corners = self.network.align_corners
        return F.interpolate(logits, image.shape[-2:], mode='bilinear', align_corners=corners)


class CAMGraph(nn.Module):
    """What is exported of a classification network.

    Args:
        network: A `CAMSegmentor`.
    """

    outputs = {
        'cam': 'float32 (batch, classes, h, w) in [0, 1], of every class; no background',
        'logits': 'float32 (batch, classes), of the image label',
    }

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return CAMs ``(B, N, h, w)`` and logits ``(B, N)`` of RGB ``(B, 3, H, W)`` to 255."""
        features = self.network.extract_feat(_normalise(self.network, image))
        # the whole image; on the grid of the features its resizing is no work in the graph
        valid = torch.ones_like(features[-1][:, :1])
        output = self.network.cam_head(features, valid, None)
        return output.cam, output.logits


GRAPHS = {'segmentor': ('decode_head', SegmentorGraph), 'cam': ('cam_head', CAMGraph)}


def export_networks(source: str | Path, out: Path) -> dict[str, float]:
    """Write the segmentor of a run and its classification network, where it has them.

    Args:
        source: Work folder of the run.
        out: Folder for ``segmentor.onnx``, ``cam.onnx``, and for each a JSON file that says what
            goes in and comes out.

    Returns:
        By name: the largest difference from torch, as `TOLERANCE` has it.

    Raises:
        ImportError: A package of the extra ``onnx`` is missing.
        FileNotFoundError: The run has neither network.
        ValueError: A network cannot be exported, or ONNX Runtime computes something else.
    """
    _check_packages()
    figures, missing = {}, []
    for name, (part, graph) in GRAPHS.items():
        try:
            config, checkpoint = find_network(source, part, name)
        except FileNotFoundError as error:
            missing.append(error)
            continue
        network = load_network(config.model, checkpoint).eval()
        figures[name] = export_graph(graph(network), out / f'{name}.onnx', SIZES)
        _write_card(out / f'{name}.json', config, checkpoint, graph, figures[name])
    if not figures:
        raise missing[0]
    return figures


def export_graph(graph: Any, path: Path, sizes: Sequence[tuple[int, int]]) -> float:
    """Write one network in one file, and compare it with torch.

    Args:
        graph: A `SegmentorGraph` or a `CAMGraph`, in evaluation mode, on the CPU.
        path: Where to, ``.onnx``.
        sizes: ``(H, W)`` of the images that it is compared on.

    Returns:
        The largest difference, divided by the largest value where that is over 1.

    Raises:
        ValueError: It cannot be exported, or computes something else; no file is left.
    """
    example = torch.zeros(1, 3, *sizes[0])
    free = torch.export.Dim.DYNAMIC
    with atomic_path(path) as temporary:
        try:
            torch.onnx.export(
                graph,
                (example,),
                temporary,
                input_names=['image'],
                output_names=list(graph.outputs),
                dynamic_shapes=({2: free, 3: free},),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        except (torch.onnx.OnnxExporterError, RuntimeError, ValueError) as error:
            reason = str(error).strip().partition('\n')[0]
            raise ValueError(f'{path.stem} cannot be exported as ONNX: {reason}') from error
        difference = max(_difference(graph, temporary, size) for size in sizes)
        if not difference <= TOLERANCE:
            raise ValueError(
                f'{path.stem} computes something else as ONNX: {difference:.1e} off at most, where '
                f'{TOLERANCE:g} is allowed; it is not written'
            )
    return difference


def _difference(graph: nn.Module, path: Path, size: tuple[int, int]) -> float:
    import onnxruntime

    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) * 255
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    found = session.run(None, {'image': image.numpy()})
    with torch.no_grad():
        expected = graph(image)
    expected = expected if isinstance(expected, tuple) else (expected,)
    differences = [0.0]
    for ours, theirs in zip(expected, found, strict=True):
        if tuple(ours.shape) != theirs.shape:
            return float('inf')
        largest = max(1.0, float(ours.abs().max()))
        differences.append(float(np.abs(ours.numpy() - theirs).max()) / largest)
    return max(differences)


def _normalise(network: BaseModel, image: Tensor) -> Tensor:
    """Normalise ``(B, 3, H, W)`` RGB in [0, 255] as the network's preprocessor does."""
    preprocessor: Any = network.data_preprocessor
    turns = getattr(preprocessor, 'turns_channels', preprocessor.channel_conversion)
    if not turns:  # it takes images as they are read, in BGR order
        image = image.flip(1)
    return (image - preprocessor.mean) / preprocessor.std


def _write_card(
    path: Path, config: Config, checkpoint: Path, graph: Any, difference: float
) -> None:
    classes = config_classes(config) or ()
    names = classes if graph is SegmentorGraph else foreground_classes(classes)
    card = {
        'input': {'image': _INPUT},
        'outputs': graph.outputs,
        'classes': list(names),
        'checkpoint': str(checkpoint),
        'checked': {'sizes': SIZES, 'largest_difference': difference},
    }
    with atomic_path(path) as temporary:
        text = json.dumps(card, indent=2, ensure_ascii=False)
        temporary.write_text(text + '\n', encoding='utf-8')


def _check_packages() -> None:
    for name in _PACKAGES:
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                f'ONNX needs {name}: pip install -r requirements/onnx.txt, or mmwsss[onnx]'
            )
