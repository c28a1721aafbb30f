"""From a folder of photographs to a config: what is there, what is chosen, what is at risk."""

import mmwsss.registry  # noqa: F401  (first: with its cures mmseg can be imported)

from .config_file import format_config
from .new import write_new_config
from .recipe import BACKBONES, METHODS, Recipe, choose_recipe
from .survey import Survey, survey

__all__ = [
    'BACKBONES',
    'METHODS',
    'Recipe',
    'Survey',
    'choose_recipe',
    'format_config',
    'survey',
    'write_new_config',
]
