"""Necks that mmseg lacks."""

from .cf_bilstm import CFBiLSTM

__all__ = ['CFBiLSTM']
