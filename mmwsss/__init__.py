"""mmwsss: weakly supervised semantic segmentation from image-level labels, on mmsegmentation.

Importing this package does nothing. Import `mmwsss.registry` (every tool does) to apply the cures
of `mmwsss.compat` and to register our models, datasets, transforms, hooks and metrics with mmseg.
"""

__version__ = '0.1.0'
