"""What a host hands to a plug-in."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class CAMOutput:
    """The result of a host's CAM head; a plug-in reads nothing else of the host.

    Attributes:
        features: Stage features of the backbone, each ``(B, C_s, H_s, W_s)``.
        cam: ``(B, N, H, W)`` in [0, 1] with gradient, normalised by the *host* (spatial maximum,
            softmax, ...), zero in the padding. A plug-in never normalises it again.
        valid: ``(B, 1, H, W)``, 1 inside the image, 0 in the padding.
        logits: Class logits of the image ``(B, N)``, or None.
        raw: Maps of the classes before they are normalised, ``(B, N, H, W)`` of any sign, or None:
            what views of one image are merged by, where the host does not say otherwise.
        pixel_logits: Logits of a softmax over background and classes, background first,
            ``(B, N + 1, H, W)``, or None of a host that has no such softmax.
        background: The host's own background map ``(B, H, W)`` in [0, 1], or None.
        affinity: Patch affinity ``(B, H*W, H*W)``, or None.
    """

    features: tuple[Tensor, ...]
    cam: Tensor
    valid: Tensor
    logits: Tensor | None = None
    raw: Tensor | None = None
    pixel_logits: Tensor | None = None
    background: Tensor | None = None
    affinity: Tensor | None = None
