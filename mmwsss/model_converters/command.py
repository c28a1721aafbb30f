"""`tools/model_converters/*.py`: convert one released checkpoint."""

import argparse

from .convert import convert_checkpoint
from .layouts import LAYOUTS


def main(name: str) -> None:
    """Read the command line and convert.

    Args:
        name: Of the layout.
    """
    layout = LAYOUTS[name]
    parser = argparse.ArgumentParser(
        description=f'Convert a checkpoint of {layout.title} to our names. Every tensor of the '
        'file must be known, and every tensor of our model be filled.'
    )
    parser.add_argument('checkpoint', help='released file')
    parser.add_argument('out', help='file to write, for load_from and the commands')
    parser.add_argument('--config', help=f'config of our model; {layout.config} if not given')
    arguments = parser.parse_args()
    number = convert_checkpoint(layout, arguments.checkpoint, arguments.out, arguments.config)
    print(f'{arguments.out}: {number} tensors for {arguments.config or layout.config}')
