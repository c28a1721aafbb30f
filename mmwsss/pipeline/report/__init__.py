"""The page at the end of a run: figures, curves and pictures in one HTML file."""

from .page import write_report

__all__ = ['write_report']
