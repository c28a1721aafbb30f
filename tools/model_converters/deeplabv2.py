"""See `python tools/model_converters/deeplabv2.py --help`."""

from functools import partial

from mmwsss.apis.arguments import run_command
from mmwsss.model_converters.command import main

if __name__ == '__main__':
    run_command(partial(main, 'deeplabv2'))
