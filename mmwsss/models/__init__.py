"""Models: what mmseg and mmpretrain lack, and the papers' modules."""

from . import backbones, cam_heads, decode_heads, losses, prototypes, segmentors

__all__ = ['backbones', 'cam_heads', 'decode_heads', 'losses', 'prototypes', 'segmentors']
