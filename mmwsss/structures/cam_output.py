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
        logits: Class logits ``(B, N)``, or None.
        raw: What views of one image are merged by, or None: maps before normalisation,
            ``(B, N, H, W)``, or, of a host whose softmax has a background, its logits,
            ``(B, N + 1, H, W)`` with the background first.
        background: The host's own background map ``(B, H, W)`` in [0, 1], or None.
        affinity: Patch affinity ``(B, H*W, H*W)``, or None.
    """

    features: tuple[Tensor, ...]
    cam: Tensor
    valid: Tensor
    logits: Tensor | None = None
    raw: Tensor | None = None
    background: Tensor | None = None
    affinity: Tensor | None = None

    @property
    def has_pixel_logits(self) -> bool:
        """Whether `raw` holds the logits of a softmax with a background."""
        return self.raw is not None and self.raw.shape[1] == self.cam.shape[1] + 1
